//! stub
#![allow(missing_docs, dead_code)]
use crate::model::*;
use std::{collections::BTreeMap, path::PathBuf, sync::Arc};
crate::model::words! {
/// r
Role {
/// e
Erp = "erp",
/// i
Insurer = "insurer" } }
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Snapshot,
    Incremental,
}
pub struct PulledRecord {
    pub place: crate::format::Place,
    pub mapped: crate::mapping::Mapped,
    pub raw: Option<String>,
}
pub struct Batch {
    pub records: Vec<PulledRecord>,
}
pub struct Pulled {
    pub mode: Mode,
    pub cursor: Option<String>,
    pub files: Vec<PathBuf>,
    pub read: u64,
}
#[derive(Debug, Clone, Copy)]
pub struct PullOperation {
    pub name: &'static str,
    pub mode: Mode,
    pub local: bool,
}
pub struct Connection {
    pub id: String,
}
#[derive(Debug, thiserror::Error)]
#[error("x")]
pub struct Error;
impl Error {
    pub fn verdict(&self) -> crate::transport::Verdict {
        crate::transport::Verdict::Defect
    }
}
impl Connection {
    pub fn connector_id(&self) -> &str {
        ""
    }
    pub fn role(&self) -> Role {
        Role::Erp
    }
    pub fn pull_operations(&self) -> Vec<PullOperation> {
        vec![]
    }
    pub async fn pull(
        &self,
        _o: &str,
        _c: Option<&str>,
        _out: tokio::sync::mpsc::Sender<Batch>,
    ) -> Result<Pulled, Error> {
        Err(Error)
    }
    pub fn archive(&self, _f: &[PathBuf], _d: Date) -> Result<(), String> {
        Ok(())
    }
}
