//! The connectors that are part of the program: the one table, held against the folders by a test.

/// A connector as files.
pub(super) struct Builtin {
    /// The folder's name.
    pub(super) id: &'static str,
    /// `connectors/<id>/connector.toml`.
    pub(super) manifest: &'static str,
    /// `connectors/<id>/README.md`.
    pub(super) readme: &'static str,
    /// `mappings/<id>/*.toml`, by file name.
    pub(super) mappings: &'static [(&'static str, &'static str)],
    /// `connectors/<id>/samples/*`, by file name.
    pub(super) samples: &'static [(&'static str, &'static [u8])],
}

pub(super) const BUILTIN: &[Builtin] = &[];
