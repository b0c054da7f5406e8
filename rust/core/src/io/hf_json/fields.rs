//! Reading fields of JSON objects, with errors that say where.

use super::FORMAT;
use crate::io::error::{LoadError, Place, quoted};
use serde_json::{Map, Value};

/// The fields of an object.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields<'a> {
    map: &'a Map<String, Value>,
    place: &'a str,
}

impl<'a> Fields<'a> {
    /// The fields of `value`, which lies at `place`.
    pub(super) fn of(value: &'a Value, place: &'a str) -> Result<Self, LoadError> {
        match value {
            Value::Object(map) => Ok(Self { map, place }),
            _ => Err(error(place, value, "an object")),
        }
    }

    pub(super) fn path(&self, name: &str) -> String {
        format!("{}.{name}", self.place)
    }

    pub(super) fn get(&self, name: &str) -> Option<&'a Value> {
        self.map.get(name).filter(|value| !value.is_null())
    }

    /// A field that must be there.
    pub(super) fn required(&self, name: &str) -> Result<&'a Value, LoadError> {
        self.get(name).ok_or_else(|| missing(self.place, name))
    }

    pub(super) fn string(&self, name: &str) -> Result<&'a str, LoadError> {
        let value = self.required(name)?;
        value.as_str().ok_or_else(|| error(&self.path(name), value, "a string"))
    }

    pub(super) fn boolean(&self, name: &str) -> Result<bool, LoadError> {
        let value = self.required(name)?;
        value.as_bool().ok_or_else(|| error(&self.path(name), value, "true or false"))
    }

    pub(super) fn boolean_or(&self, name: &str, default: bool) -> Result<bool, LoadError> {
        if self.get(name).is_none() { Ok(default) } else { self.boolean(name) }
    }

    pub(super) fn character(&self, name: &str) -> Result<char, LoadError> {
        let text = self.string(name)?;
        let mut chars = text.chars();
        match (chars.next(), chars.next()) {
            (Some(c), None) => Ok(c),
            _ => Err(error(&self.path(name), self.required(name)?, "one character")),
        }
    }

    pub(super) fn count(&self, name: &str) -> Result<usize, LoadError> {
        let value = self.required(name)?;
        value
            .as_u64()
            .and_then(|n| usize::try_from(n).ok())
            .ok_or_else(|| error(&self.path(name), value, "a number of characters"))
    }

    pub(super) fn id(&self, name: &str) -> Result<u32, LoadError> {
        let value = self.required(name)?;
        id(value, &self.path(name))
    }

    /// One of several names.
    pub(super) fn choice<T: Copy>(&self, name: &str, choices: &[(&str, T)]) -> Result<T, LoadError> {
        choice(self.required(name)?, &self.path(name), choices)
    }

    /// The field `type`, which must be one of `known`.
    pub(super) fn type_name(&self, known: &[&str]) -> Result<&'a str, LoadError> {
        let name = self.string("type")?;
        if known.contains(&name) {
            return Ok(name);
        }
        Err(error(&self.path("type"), self.required("type")?, &format!("one of {}", known.join(", "))))
    }
}

pub(super) fn array<'a>(value: &'a Value, place: &str) -> Result<&'a [Value], LoadError> {
    value.as_array().map(Vec::as_slice).ok_or_else(|| error(place, value, "a list"))
}

pub(super) fn id(value: &Value, place: &str) -> Result<u32, LoadError> {
    value.as_u64().and_then(|n| u32::try_from(n).ok()).ok_or_else(|| error(place, value, "a token id"))
}

pub(super) fn choice<T: Copy>(value: &Value, place: &str, choices: &[(&str, T)]) -> Result<T, LoadError> {
    let found = value.as_str().and_then(|name| choices.iter().find(|choice| choice.0 == name));
    found.map(|choice| choice.1).ok_or_else(|| {
        let names: Vec<&str> = choices.iter().map(|choice| choice.0).collect();
        error(place, value, &format!("one of {}", names.join(", ")))
    })
}

pub(super) fn error(place: &str, found: &Value, allowed: &str) -> LoadError {
    let found = match found {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) => quoted(text.as_bytes()),
        Value::Array(list) => format!("a list of {}", list.len()),
        Value::Object(map) => format!("an object of {} fields", map.len()),
    };
    LoadError::new(FORMAT, Place::Field(place.to_owned()), found, allowed)
}

pub(super) fn missing(place: &str, name: &str) -> LoadError {
    LoadError::new(FORMAT, Place::Field(place.to_owned()), format!("no field `{name}`"), format!("a field `{name}`"))
}
