//! Structures that documents are made of.

/// A structure that documents write in camel case, with unknown fields refused. A field with
/// `= default` may be left out.
macro_rules! document {
    ($($(#[$meta:meta])* pub struct $name:ident {
        $($(#[$field_meta:meta])* pub $field:ident: $type:ty $(= $default:ident)?,)+
    })+) => {$(
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, deserr::Deserr)]
        #[deserr(error = $crate::Problems, rename_all = camelCase, deny_unknown_fields)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[cfg_attr(
            feature = "schema",
            schemars(rename_all = "camelCase", deny_unknown_fields)
        )]
        pub struct $name {
            $(
                $(#[$field_meta])*
                $(
                    #[deserr($default)]
                    #[cfg_attr(feature = "schema", schemars($default))]
                )?
                pub $field: $type,
            )+
        }
    )+};
}

pub(crate) use document;
