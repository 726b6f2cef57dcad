//! The suites, one a subject.

mod assignments;
mod cycle;
mod deadline_files;
mod deadlines;
mod delivery;
mod demo;
mod effects;
mod evidence;
mod explain;
mod first_delivery;
mod groups;
mod hints;
mod history;
mod identity;
mod indicators;
mod iso20022;
mod joint;
mod landing;
mod ledger;
mod orders;
mod past;
mod policies;
mod queue;
mod replay;
mod stops;
mod tryton;
