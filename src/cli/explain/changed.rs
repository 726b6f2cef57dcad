//! What changed last of a buyer.

use super::File;

impl File {
    /// Its last deltas, a line each.
    pub(super) fn changed(&self) -> String {
        if self.deltas.is_empty() {
            return "Nothing was said about this buyer yet.\n".to_owned();
        }
        let lines = self.deltas.iter().map(|(day, row)| format!("{day}  {}  {}\n", row.event, row.summary));
        lines.collect()
    }
}
