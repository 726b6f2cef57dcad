//! Where a demo keeps its files: a folder that is named, or one that is taken away at the end.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// A folder, for as long as it is needed.
pub struct Folder {
    path: PathBuf,
    temporary: bool,
}

impl Folder {
    /// Makes the named folder, or a temporary one that only this user can read.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open(named: Option<&Path>) -> anyhow::Result<Self> {
        let (path, temporary) = match named {
            Some(path) => (path.to_owned(), false),
            None => {
                (std::env::temp_dir().join(format!("encours-demo-{}", encours::ids::correlation())), true)
            }
        };
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        if temporary {
            std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        }
        builder.create(&path).with_context(|| format!("the folder {} cannot be made", path.display()))?;
        Ok(Self { path, temporary })
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it is gone at the end.
    pub const fn is_temporary(&self) -> bool {
        self.temporary
    }

    /// Writes a file into it, making the folders above it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, name: &str, bytes: &[u8]) -> anyhow::Result<()> {
        let path = self.path.join(name);
        if let Some(above) = path.parent() {
            fs::create_dir_all(above)
                .with_context(|| format!("the folder {} cannot be made", above.display()))?;
        }
        fs::write(&path, bytes).with_context(|| format!("{} cannot be written", path.display()))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.temporary
            && let Err(error) = fs::remove_dir_all(&self.path)
        {
            tracing::warn!(folder = %self.path.display(), %error, "the temporary folder stays");
        }
    }
}
