//! How many bytes of a text each of its tokens covers.

use super::error::EncodeError;
use super::model::{Model, Unrepresentable};
use super::work::Work;
use crate::id::TokenId;
use crate::spec::{Symbols, byte_to_char};

/// How many bytes of its piece each token covers.
#[derive(Debug, Default)]
pub(super) struct Lengths(pub(super) Vec<usize>);

impl Work<'_> {
    /// As [`Work::encode_piece`], with lengths.
    pub(super) fn encode_piece_with_lengths(
        &mut self,
        piece: &str,
        policy: Unrepresentable,
        out: &mut Vec<u32>,
        lengths: &mut Lengths,
    ) -> Result<(), EncodeError> {
        let from = out.len();
        if let Model::Symbols(symbols) = self.model {
            let mut covered = Vec::new();
            symbols.try_encode(piece, policy, &mut covered)?;
            out.extend(covered.iter().map(|token| token.id));
            lengths.0.extend(covered.iter().map(|token| token.len));
            return Ok(());
        }
        self.encode_piece(piece, policy, out)?;
        self.measure(piece, &out[from..], lengths);
        Ok(())
    }

    /// As [`Work::encode_byte_text`], with lengths in bytes of the byte alphabet's characters.
    pub(super) fn encode_byte_text_with_lengths(
        &mut self,
        piece: &str,
        policy: Unrepresentable,
        out: &mut Vec<u32>,
        lengths: &mut Lengths,
    ) -> Result<(), EncodeError> {
        let from = out.len();
        self.encode_byte_text(piece, policy, out)?;
        lengths.0.extend(out[from..].iter().map(|&id| self.length_in_byte_alphabet(id)));
        Ok(())
    }

    /// Bytes of the characters that stand for the bytes of a token.
    pub(super) fn length_in_byte_alphabet(&self, id: u32) -> usize {
        let bytes = self.vocabulary_bytes(id).unwrap_or_default();
        bytes.iter().map(|&byte| byte_to_char(byte).len_utf8()).sum()
    }

    fn vocabulary_bytes(&self, id: u32) -> Option<&[u8]> {
        match self.model {
            Model::Encoder { encoder, .. } => encoder.bpe().vocab().bytes(TokenId(id)),
            Model::Symbols(_) => None,
        }
    }

    /// The lengths of tokens that a text was encoded to.
    fn measure(&self, text: &str, ids: &[u32], lengths: &mut Lengths) {
        match self.model {
            Model::Symbols(_) => {}
            Model::Encoder { encoder, symbols, .. } => match symbols {
                // What is left out of a text is not counted either: tokenizers shifts what follows in the same way.
                Symbols::Bytes | Symbols::Chars { byte_fallback: None, unknown: None, .. } => {
                    lengths.0.extend(ids.iter().map(|&id| self.vocabulary_bytes(id).map_or(0, <[u8]>::len)));
                }
                Symbols::Chars { byte_fallback, unknown, fuse_unknown } => {
                    let known = |c: char| encoder.bpe().vocab().id(c.encode_utf8(&mut [0; 4]).as_bytes()).is_some();
                    // Neither a byte's token nor the unknown one.
                    let ordinary = |id: u32, first: u8| {
                        *unknown != Some(id) && byte_fallback.as_ref().is_none_or(|ids| ids[usize::from(first)] != id)
                    };
                    let mut at = 0;
                    for &id in ids {
                        let rest = text.as_bytes().get(at..).unwrap_or_default();
                        let token = self.vocabulary_bytes(id).unwrap_or_default();
                        if let Some(&first) = rest.first()
                            && !token.is_empty()
                            && rest.starts_with(token)
                            && ordinary(id, first)
                        {
                            lengths.0.push(token.len());
                            at += token.len();
                            continue;
                        }
                        let next = text.get(at..).and_then(|rest| rest.chars().next());
                        let length = match next {
                            // Inside a character, and at one without a token, stand byte tokens or the unknown token.
                            None => 1,
                            Some(c) if known(c) => self.vocabulary_bytes(id).map_or(0, <[u8]>::len),
                            Some(_) if byte_fallback.is_some() => 1,
                            Some(c) if *unknown == Some(id) && *fuse_unknown => {
                                let unknown = text[at..].chars().take_while(|&c| !known(c));
                                unknown.map(char::len_utf8).sum::<usize>().max(c.len_utf8())
                            }
                            Some(c) if *unknown == Some(id) => c.len_utf8(),
                            Some(_) => self.vocabulary_bytes(id).map_or(0, <[u8]>::len),
                        };
                        lengths.0.push(length);
                        at += length;
                    }
                }
            },
        }
    }
}
