//! What changed last of a buyer.

use encours::ledger::DeltaRow;
use encours::model::Date;

use super::super::language::Language;
use super::{File, phrases};

impl File {
    /// Its last deltas, a line each.
    pub(super) fn changed(&self, say: Language) -> String {
        if self.deltas.is_empty() {
            return say
                .of("Nothing was said about this buyer yet.\n", "Rien n'a encore été dit de cet acheteur.\n")
                .to_owned();
        }
        let line = |(day, row): &(Date, DeltaRow)| {
            format!("{}  {}  {}\n", say.date(*day), row.event, phrases::delta(say, row))
        };
        self.deltas.iter().map(line).collect()
    }
}
