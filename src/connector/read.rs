//! What the tables of a manifest hold besides plain values: templates, paths and filters.

use toml::Spanned;
use toml::de::DeValue;

use crate::format::json::Path;
use crate::format::section::texts;
pub(super) use crate::format::section::{Reader, Section, integers, text};
use crate::mapping::Filter;
use crate::transport::Template;

/// Reads a table's templates, paths and filters, each checked where it stands.
pub(super) trait Parts {
    /// A text with places.
    fn template(&self, key: &'static str) -> Option<Template>;

    /// A path into a record.
    fn path(&self, key: &'static str) -> Option<Path>;

    /// A path, or a list of paths tried in order.
    fn paths(&self, key: &'static str) -> Vec<Path>;

    /// A filter.
    fn filter(&self, key: &'static str) -> Option<Filter>;

    /// Names with templates, as `headers` and `query` have them.
    fn templates(&self, key: &'static str) -> Vec<(String, Template)>;
}

impl<'a> Parts for Section<'a> {
    fn template(&self, key: &'static str) -> Option<Template> {
        self.read(key, |value| Template::parse(text(value)?))
    }

    fn path(&self, key: &'static str) -> Option<Path> {
        self.read(key, |value| Path::parse(text(value)?))
    }

    fn paths(&self, key: &'static str) -> Vec<Path> {
        self.read(key, |value| texts(value)?.iter().map(|path| Path::parse(path)).collect())
            .unwrap_or_default()
    }

    fn filter(&self, key: &'static str) -> Option<Filter> {
        self.read(key, |value| Filter::parse(text(value)?))
    }

    fn templates(&self, key: &'static str) -> Vec<(String, Template)> {
        let Some(section) = self.section(key) else { return Vec::new() };
        let read = |(name, _, value): (&str, _, &'a Spanned<DeValue<'a>>)| {
            section
                .place(value, |value| Template::parse(text(value)?))
                .map(|template| (name.to_owned(), template))
        };
        section.entries().filter_map(read).collect()
    }
}
