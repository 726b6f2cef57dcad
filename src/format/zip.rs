//! ZIP archives: the same bytes for the same files.
//!
//! Names are sorted, every time stamp is the first that the form knows, and nothing is compressed, so that no version of a
//! compressor changes the hash of an archive that was handed over.

use std::io::{Cursor, Write as _};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use super::Error;

/// Packs files, each a name with `/` between its folders and its bytes.
///
/// # Errors
/// [`Error::Refused`] for a name that is there twice, and for more than the form holds.
pub fn pack(archive: &str, files: &[(String, &[u8])]) -> Result<Vec<u8>, Error> {
    let refused = |error: String| Error::refused(archive, error);
    let mut files: Vec<&(String, &[u8])> = files.iter().collect();
    files.sort_by(|(a, _), (b, _)| a.cmp(b));
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::default())
        .unix_permissions(0o644);
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        writer.start_file(name.as_str(), options).map_err(|error| refused(error.to_string()))?;
        writer.write_all(bytes).map_err(|error| refused(error.to_string()))?;
    }
    let cursor = writer.finish().map_err(|error| refused(error.to_string()))?;
    Ok(cursor.into_inner())
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn the_order_of_files_does_not_change_the_bytes() {
        let (a, b) = (("d/a.csv".to_owned(), b"1;2".as_slice()), ("d/b.csv".to_owned(), b"".as_slice()));
        let one = pack("x.zip", &[a.clone(), b.clone()]).unwrap();
        assert_eq!(one, pack("x.zip", &[b, a.clone()]).unwrap());
        // What the bytes are today, so that a new version of the library cannot change them unseen.
        let known = "537833e67bcee13c9c6e47d4b26be82d87bdd1a1aa27a05bcfba7ebbb546e538";
        assert_eq!(crate::ids::sha256_hex(&one), known);
        let mut archive = zip::ZipArchive::new(Cursor::new(one)).unwrap();
        let names: Vec<String> =
            (0..2).map(|at| archive.by_index(at).unwrap().name().unwrap().into_owned()).collect();
        assert_eq!(names, ["d/a.csv", "d/b.csv"]);
        let mut text = String::new();
        archive.by_name("d/a.csv").unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "1;2");
        let twice = pack("x.zip", &[a.clone(), a]).unwrap_err().to_string();
        assert!(twice.contains("x.zip is refused whole"), "{twice}");
    }
}
