//! Texts with open places: what Istio's regular expressions come to, without a regular expression.
//!
//! A pattern is walked once, and taken up again behind the last open place where it did not hold:
//! no input makes that more than the product of the two lengths.

use landbridge_model::GlobPiece;
use std::fmt;

/// A pattern of a whole text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Glob {
    pieces: Box<[Piece]>,
    pub(crate) anchor: Anchor,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Literal(Box<str>),
    AnyCharacter,
    AnyText,
}

/// What a text must have for the pattern to match it, as far as that can be looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Anchor {
    Nothing,
    /// It ends so.
    Suffix(Box<str>),
    /// It has this segment behind one that is `ns`.
    Namespace(Box<str>),
    /// It has a segment that begins so behind one that is `ns`.
    NamespacePrefix(Box<str>),
}

impl Glob {
    /// Puts a pattern together. Its anchor is how it ends, where that is not open.
    pub(crate) fn new<'p>(pieces: impl IntoIterator<Item = &'p GlobPiece>) -> Self {
        let mut all: Vec<Piece> = Vec::new();
        for piece in pieces {
            match (piece, all.last_mut()) {
                (GlobPiece::Literal(s), Some(Piece::Literal(before))) => {
                    *before = format!("{before}{s}").into();
                }
                (GlobPiece::Literal(s), _) => all.push(Piece::Literal(s.as_str().into())),
                (GlobPiece::AnyCharacter, _) => all.push(Piece::AnyCharacter),
                (GlobPiece::AnyText, Some(Piece::AnyText)) => {}
                (GlobPiece::AnyText, _) => all.push(Piece::AnyText),
            }
        }
        let anchor = match all.last() {
            Some(Piece::Literal(s)) => Anchor::Suffix(s.clone()),
            _ => Anchor::Nothing,
        };
        Self {
            pieces: all.into(),
            anchor,
        }
    }

    /// Whether it is the whole of a text.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let mut pieces: &[Piece] = &self.pieces;
        let mut rest = text;
        // Where to go on from: behind the last open place, one character further each time.
        let mut retry: Option<(&[Piece], &str)> = None;
        loop {
            let step = match pieces {
                [] if rest.is_empty() => return true,
                [] => None,
                [Piece::AnyText, behind @ ..] => {
                    if behind.is_empty() {
                        return true;
                    }
                    retry = Some((behind, rest));
                    Some((behind, rest))
                }
                [Piece::AnyCharacter, behind @ ..] => behind_first(rest).map(|rest| (behind, rest)),
                [Piece::Literal(s), behind @ ..] => {
                    rest.strip_prefix(&**s).map(|rest| (behind, rest))
                }
            };
            (pieces, rest) = match (step, retry) {
                (Some(step), _) => step,
                (None, None) => return false,
                (None, Some((behind, from))) => {
                    let Some(further) = behind_first(from) else {
                        return false;
                    };
                    retry = Some((behind, further));
                    (behind, further)
                }
            };
        }
    }
}

fn behind_first(s: &str) -> Option<&str> {
    let mut chars = s.chars();
    chars.next()?;
    Some(chars.as_str())
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pieces.iter().try_for_each(|piece| match piece {
            Piece::Literal(s) => f.write_str(s),
            Piece::AnyCharacter => f.write_str("."),
            Piece::AnyText => f.write_str("*"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Anchor, Glob};
    use landbridge_model::GlobPiece;
    use proptest::prelude::*;

    /// `?` is any character, `*` any text.
    fn glob(s: &str) -> Glob {
        let pieces: Vec<GlobPiece> = s
            .chars()
            .map(|c| match c {
                '?' => GlobPiece::AnyCharacter,
                '*' => GlobPiece::AnyText,
                c => GlobPiece::Literal(c.to_string()),
            })
            .collect();
        Glob::new(&pieces)
    }

    #[test]
    fn the_whole_text_is_matched() {
        for (pattern, text, matches) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("?", "", false),
            ("?", "é", true),
            ("a*b", "ab", true),
            ("a*b", "aXbYb", true),
            ("a*b", "aXbY", false),
            ("*/ns/a?b/*", "spiffe://td/ns/axb/sa/c", true),
            ("*/ns/a?b/*", "spiffe://td/ns/ab/sa/c", false),
            ("*ab*cd", "abcabcd", true),
            ("*a?c", "aacabc", true),
        ] {
            assert_eq!(glob(pattern).matches(text), matches, "{pattern} {text}");
        }
    }

    #[test]
    fn the_end_is_an_anchor_unless_it_is_open() {
        assert_eq!(glob("*a?bc").anchor, Anchor::Suffix("bc".into()));
        assert_eq!(glob("a*").anchor, Anchor::Nothing);
    }

    /// By trying every way to cut the text.
    fn slowly(pattern: &[char], text: &[char]) -> bool {
        match (pattern, text) {
            ([], text) => text.is_empty(),
            (['*', rest @ ..], text) => {
                (0..=text.len()).any(|cut| slowly(rest, text.get(cut..).unwrap_or_default()))
            }
            (['?', rest @ ..], [_, text @ ..]) => slowly(rest, text),
            ([c, rest @ ..], [d, text @ ..]) => c == d && slowly(rest, text),
            (_, []) => false,
        }
    }

    proptest! {
        #[test]
        fn it_agrees_with_trying_every_way(pattern in "[ab?*]{0,8}", text in "[ab]{0,10}") {
            let (p, t): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
            prop_assert_eq!(glob(&pattern).matches(&text), slowly(&p, &t), "{} {}", pattern, text);
        }
    }
}
