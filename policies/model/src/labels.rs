//! Mappings of text to text: labels, headers.
//!
//! `deserr` 0.6 reads a mapping and forgets what was wrong with its values, which leaves them out:
//! a selector would lose a label and apply to more than was meant. So they are read here.

use crate::Code;
use crate::decode::{Problems, kind_text};
use deserr::{Deserr, IntoValue, Map, MergeWithError, Value, ValuePointerRef};
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// A mapping of text to text, for whoever decodes one as a field.
pub struct Labels(BTreeMap<String, String>);

impl Labels {
    /// The mapping.
    pub fn into_map(self) -> BTreeMap<String, String> {
        self.0
    }

    /// The mapping, where there is one.
    pub fn into_optional_map(labels: Option<Self>) -> Option<BTreeMap<String, String>> {
        labels.map(Self::into_map)
    }
}

impl Deserr<Problems> for Labels {
    fn deserialize_from_value<V: IntoValue>(
        value: Value<V>,
        at: ValuePointerRef<'_>,
    ) -> Result<Self, Problems> {
        let Value::Map(map) = value else {
            let message = format!("expected a mapping, got {}", kind_text(value.kind()));
            return Err(Problems::at(at, Code::WrongType, message));
        };
        let mut labels = BTreeMap::new();
        let mut problems = None;
        for (key, value) in map.into_iter() {
            let place = at.push_key(&key);
            match String::deserialize_from_value(value.into_value(), place) {
                Ok(value) => {
                    labels.insert(key, value);
                }
                Err(wrong) => match Problems::merge(problems, wrong, place) {
                    ControlFlow::Continue(all) => problems = Some(all),
                    ControlFlow::Break(all) => return Err(all),
                },
            }
        }
        problems.map_or(Ok(Self(labels)), Err)
    }
}
