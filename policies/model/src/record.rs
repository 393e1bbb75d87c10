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

/// A structure of match lists, each with its `not…` twin.
macro_rules! lists {
    (
        $(#[doc = $doc:literal])+
        $name:ident in $list:ident {
            $($(#[doc = $field_doc:literal])+ $field:ident / $not:ident: $item:ty,)+
        }
    ) => {
        $crate::record::document! {
            $(#[doc = $doc])+
            #[derive(Default)]
            pub struct $name {
                $(
                    $(#[doc = $field_doc])+
                    pub $field: Option<$list<$item>> = default,
                    #[doc = concat!("None of these `", stringify!($field), "`.")]
                    pub $not: Option<$list<$item>> = default,
                )+
            }
        }

        impl $name {
            /// Whether no field is there, so that it matches anything.
            pub fn is_empty(&self) -> bool {
                true $(&& self.$field.is_none() && self.$not.is_none())+
            }
        }
    };
}

pub(crate) use {document, lists};
