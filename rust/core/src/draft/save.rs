//! What a drafter knows, as bytes, and the knowledge of two drafters as one.

use super::error::DraftError;
use super::quantize::Probability;
use super::recycling::Recycling;
use super::row::{MAX_K, Row};

/// The first bytes of every saved drafter, and the version of what follows.
const MAGIC: &[u8; 8] = b"TGDRAFT1";

impl Recycling {
    /// Everything learned, as bytes that [`restore`](Self::restore) reads: rows that are not empty, the weights of the
    /// estimates, and finished sequences. Little-endian on every machine. O(what has been seen), and O(vocabulary).
    #[must_use]
    pub fn save(&self) -> Vec<u8> {
        let mut out = Writer(MAGIC.to_vec());
        out.number(self.config.vocab_size);
        out.number(self.config.k);
        let rows = || (0_u32..).zip(self.matrix.rows()).filter(|(_, row)| !row.is_empty());
        out.number(rows().count());
        rows().for_each(|(token, row)| out.row(token, row));
        for table in &self.contexts {
            out.number(table.rows().count());
            table.rows().for_each(|row| out.row(row.tag, row));
        }
        out.number(self.mixer.weights().len());
        self.mixer.weights().iter().flatten().for_each(|weight| out.word(weight.to_bits()));
        out.number(self.shared.len());
        for (position, &token) in self.shared.tokens().iter().enumerate() {
            out.row(token, self.shared.row(position).unwrap_or(&Row::default()));
        }
        out.0
    }

    /// Replaces everything learned by what was saved.
    ///
    /// # Errors
    ///
    /// If the bytes are not those of a drafter with this vocabulary and `k`; nothing is changed then.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<(), DraftError> {
        let mut new = self.emptied();
        let mut from = Reader(bytes.strip_prefix(MAGIC).ok_or_else(|| bad("it does not begin as one"))?);
        for (what, expected) in [("vocabulary size", self.config.vocab_size), ("k", self.config.k)] {
            let found = from.number()?;
            if found != expected {
                return Err(bad(&format!("its {what} is {found}, the drafter's is {expected}")));
            }
        }
        let size = u32::try_from(self.config.vocab_size).unwrap_or(u32::MAX);
        for _ in 0..from.number()? {
            let (token, row) = from.row(size)?;
            if token >= size {
                return Err(bad(&format!("it has a row for token {token} of {size}")));
            }
            new.matrix.put(token, row);
        }
        for table in &mut new.contexts {
            for _ in 0..from.number()? {
                let (tag, row) = from.row(size)?;
                table.put(tag, row);
            }
        }
        let weights = from.weights(self.mixer.weights().len())?;
        new.mixer.set_weights(&weights);
        for _ in 0..from.number()? {
            let (token, row) = from.row(size)?;
            if token >= size && token != u32::MAX {
                return Err(bad(&format!("it has token {token} of {size} in a text")));
            }
            new.shared.push(token);
            new.shared.set_row(new.shared.len() - 1, row);
        }
        if !from.0.is_empty() {
            return Err(bad(&format!("{} bytes follow its end", from.0.len())));
        }
        new.matrix.set_clock(new.latest_stamp());
        *self = new;
        Ok(())
    }

    /// Adds what another drafter of the same vocabulary has learned: rows are averaged by how much each has seen, rows
    /// that replace keep the newer state of this drafter where it has one. The estimates stay this drafter's.
    ///
    /// # Errors
    ///
    /// If the other drafter has another vocabulary size or k; nothing is changed then.
    pub fn merge(&mut self, other: &Self) -> Result<(), DraftError> {
        let (mine, other_s) = ((self.config.vocab_size, self.config.k), (other.config.vocab_size, other.config.k));
        if mine != other_s {
            let ((v, k), (ov, ok)) = (mine, other_s);
            return Err(DraftError::argument(format!(
                "a drafter of {ov} tokens and k = {ok} cannot be merged into one of {v} tokens and k = {k}"
            )));
        }
        for (token, row) in (0_u32..).zip(other.matrix.rows()).filter(|(_, row)| !row.is_empty()) {
            self.matrix.combine(token, row);
        }
        let stamp = self.matrix.clock();
        for (table, theirs) in self.contexts.iter_mut().zip(&other.contexts) {
            theirs.rows().for_each(|row| table.combine(row, stamp));
        }
        self.keep(&other.shared);
        Ok(())
    }

    fn latest_stamp(&self) -> u32 {
        let contexts = self.contexts.iter().flat_map(super::context::ContextTable::rows);
        self.matrix.rows().iter().chain(contexts).map(Row::stamp).max().unwrap_or(0)
    }
}

fn bad(what: &str) -> DraftError {
    DraftError::argument(format!("this is not a saved drafter that fits: {what}"))
}

struct Writer(Vec<u8>);

impl Writer {
    fn word(&mut self, word: u32) {
        self.0.extend(word.to_le_bytes());
    }

    fn number(&mut self, number: usize) {
        self.word(u32::try_from(number).unwrap_or(u32::MAX));
    }

    fn row(&mut self, key: u32, row: &Row) {
        self.word(key);
        self.word(row.stamp());
        self.word(u32::from(row.count()) << 8 | u32::try_from(row.len()).unwrap_or(0));
        for (&id, probability) in row.ids().iter().zip(row.probabilities()) {
            self.word(id);
            self.0.extend(probability.bits().to_le_bytes());
        }
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], DraftError> {
        let (bytes, rest) = self.0.split_first_chunk::<N>().ok_or_else(|| bad("it ends early"))?;
        self.0 = rest;
        Ok(*bytes)
    }

    fn word(&mut self) -> Result<u32, DraftError> {
        Ok(u32::from_le_bytes(self.bytes()?))
    }

    fn number(&mut self) -> Result<usize, DraftError> {
        Ok(self.word()? as usize)
    }

    fn row(&mut self, size: u32) -> Result<(u32, Row), DraftError> {
        let (key, stamp, counts) = (self.word()?, self.word()?, self.word()?);
        let len = (counts & 0xFF) as usize;
        if len > MAX_K || counts >> 24 != 0 {
            return Err(bad(&format!("a row of {len} candidates")));
        }
        let mut candidates = [(0, Probability::ZERO); MAX_K];
        for place in &mut candidates[..len] {
            let (id, bits) = (self.word()?, u16::from_le_bytes(self.bytes()?));
            let probability = Probability::from_bits(bits).filter(|_| id < size);
            *place = (
                id,
                probability.ok_or_else(|| bad(&format!("a candidate {id} with the probability bits {bits:#06x}")))?,
            );
        }
        let count = u16::try_from(counts >> 8).unwrap_or(u16::MAX);
        Ok((key, Row::restored(&candidates[..len], count, stamp)))
    }

    fn weights(&mut self, expected: usize) -> Result<Vec<[f32; 8]>, DraftError> {
        let found = self.number()?;
        if found != expected {
            return Err(bad(&format!("it has {found} sets of weights where {expected} belong")));
        }
        let mut weights = vec![[0.0; 8]; expected];
        for weight in weights.iter_mut().flatten() {
            *weight = f32::from_bits(self.word()?);
            if !weight.is_finite() {
                return Err(bad("a weight is not finite"));
            }
        }
        Ok(weights)
    }
}
