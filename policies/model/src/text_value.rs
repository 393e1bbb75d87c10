//! Values that are written as one text of a certain form.

/// How each type is read from its text, what is said of a text that is none (after quoting it), what
/// to do about it, and its schema.
macro_rules! text_values {
    ($($name:ident: $parse:expr, $amiss:expr, $hint:expr, $schema:tt;)+) => {$(
        impl deserr::Deserr<$crate::Problems> for $name {
            fn deserialize_from_value<V: deserr::IntoValue>(
                value: deserr::Value<V>,
                at: deserr::ValuePointerRef<'_>,
            ) -> Result<Self, $crate::Problems> {
                $crate::name::parsed(value, at, $parse, $amiss, $hint)
            }
        }

        #[cfg(feature = "schema")]
        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!($schema)
            }
        }
    )+};
}

pub(crate) use text_values;
