//! Reading an object's fields such that none is overlooked.

use serde_json::Value;

use super::{Object, Problem};

/// A part of an object, and where it is.
#[derive(Clone)]
pub(crate) struct Field<'a> {
    pub(crate) object: &'a Object,
    pub(crate) path: String,
    pub(crate) value: &'a Value,
}

impl<'a> Field<'a> {
    pub(crate) fn spec(object: &'a Object) -> Self {
        Self {
            object,
            path: "spec".to_owned(),
            value: object.spec(),
        }
    }

    pub(crate) fn problem(&self, why: impl Into<String>) -> Problem {
        Problem::new(self.object, self.path.clone(), why)
    }

    /// No field but these may be there.
    pub(crate) fn only(&self, known: &[&str]) -> Result<(), Problem> {
        let keys = self.value.as_object().into_iter().flatten();
        for (key, _) in keys {
            if !known.contains(&key.as_str()) {
                let field = format!("{}.{key}", self.path);
                let why = "the testbed does not know what Istio makes of it";
                return Err(Problem::new(self.object, field, why));
            }
        }
        Ok(())
    }

    /// A field that may be missing.
    pub(crate) fn get(&self, key: &str) -> Option<Self> {
        let value = self.value.get(key).filter(|value| !value.is_null())?;
        Some(self.at(format!("{}.{key}", self.path), value))
    }

    pub(crate) fn require(&self, key: &str) -> Result<Self, Problem> {
        self.get(key).ok_or_else(|| {
            Problem::new(self.object, format!("{}.{key}", self.path), "it is missing")
        })
    }

    fn at(&self, path: String, value: &'a Value) -> Self {
        let object = self.object;
        Self {
            object,
            path,
            value,
        }
    }

    /// The elements of a list; none if the field is missing.
    pub(crate) fn list(&self, key: &str) -> Result<Vec<Self>, Problem> {
        let Some(field) = self.get(key) else {
            return Ok(Vec::new());
        };
        let Some(list) = field.value.as_array() else {
            return Err(field.problem("it is no list"));
        };
        let elements = list.iter().enumerate();
        let elements =
            elements.map(|(index, value)| field.at(format!("{}[{index}]", field.path), value));
        Ok(elements.collect())
    }

    /// The entries of a map; none if the field is missing.
    pub(crate) fn entries(&self, key: &str) -> Result<Vec<(&'a str, Self)>, Problem> {
        let Some(field) = self.get(key) else {
            return Ok(Vec::new());
        };
        let Some(map) = field.value.as_object() else {
            return Err(field.problem("it is no map"));
        };
        let entries = map.iter().map(|(key, value)| {
            (
                key.as_str(),
                field.at(format!("{}.{key}", field.path), value),
            )
        });
        Ok(entries.collect())
    }

    pub(crate) fn text(&self) -> Result<&'a str, Problem> {
        let text = self.value.as_str();
        text.ok_or_else(|| self.problem("it is no string"))
    }

    pub(crate) fn number(&self) -> Result<i64, Problem> {
        let number = self.value.as_i64();
        number.ok_or_else(|| self.problem("it is no whole number"))
    }

    /// A string field that may be missing.
    pub(crate) fn maybe(&self, key: &str) -> Result<Option<&'a str>, Problem> {
        self.get(key).map(|field| field.text()).transpose()
    }
}
