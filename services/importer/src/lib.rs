//! Inventories of other systems, turned into events.
//!
//! A [`Mapping`] says in TOML what the columns of a CSV file mean; a [`Sheet`] is the file read by
//! it; a [`History`] is what the importer recorded before. Together they make a [`Plan`]: the
//! events that are not in the record yet, and a [`Report`] that names every row and cell which is
//! not, or not as it stood, in the record. Nothing is dropped in silence and nothing is guessed.
//!
//! Everything is a function of what is handed in: no clock, no random source, no file, no network.
//! Event ids are derived from the importer, the system, the row and the type, so importing again
//! makes the same statements, of which the plan holds only those that are missing.
//!
//! ```
//! use probity_importer::{History, Mapping, Plan, Sheet};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mapping = Mapping::parse(r#"
//!     source = { system = "model-list", coverage = "full" }
//!     columns = { name = "Model", purpose = "Purpose", live = "Live since" }
//!     dates = { columns = ["live"], forms = ["{mon} {yyyy}"] }
//!
//!     [row]
//!     identity = ["name"]
//!     namespace = ["credit"]
//!     name = { column = "name" }
//!
//!     [[event]]
//!     type = "model.registered"
//!     subject = "model"
//!     data.purpose = { column = "purpose" }
//!
//!     [[event]]
//!     type = "deployment.started"
//!     subject = "endpoint"
//!     occurred = "live"
//!     when = { column = "live", present = true }
//!     data.version = { subject = "model" }
//! "#)?;
//! let file = b"Model,Purpose,Live since\nPD Scorecard,Estimates defaults,Mar 2024\n";
//! let sheet = Sheet::read(file, &mapping)?;
//! let history = History::new(mapping.system());
//! let plan = Plan::new(&mapping, &sheet, &history, &"service:importer".parse()?, None);
//!
//! let types: Vec<_> = plan.events().map(|event| event.event_type()).collect();
//! assert_eq!(types, ["model.registered", "deployment.started"]);
//! assert_eq!(plan.events().next().unwrap().subject.to_string(), "model:credit/pd-scorecard");
//! assert!(plan.report().entries().is_empty());
//! # Ok(())
//! # }
//! ```

mod build;
mod cell;
mod changes;
mod dates;
mod digest;
mod history;
mod mapping;
mod naming;
mod plan;
mod quotes;
mod report;
mod row;
mod sealing;
mod sheet;
mod slug;
mod text;

pub use dates::{DateProblem, FormProblem};
pub use digest::digest;
pub use history::History;
pub use mapping::{Mapping, MappingError, MappingProblem};
pub use plan::{Plan, Refusal, Summary};
pub use quotes::QuoteError;
pub use report::{Column, Effect, Entry, Kept, Reason, Report, WrongWidth};
pub use sealing::{NoVault, Sealer, SealerError};
pub use sheet::{Sheet, SheetError};
pub use text::TextError;
