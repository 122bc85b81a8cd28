//! What a route requires of the principal: [`Requirement`], and the layer that asks for it.
//!
//! ```
//! use countersign::require::{primary, require, scope};
//!
//! let layer = require(scope("wallet:pay") & primary())?;
//! # Ok::<(), countersign::auth::BuildError>(())
//! ```
//!
//! Put the layer inside an [`AuthLayer`](crate::auth::AuthLayer). A request that no such layer has
//! judged is answered with 500: better closed than open.

mod layer;
mod requirement;

pub use layer::{Require, RequireFuture, RequireLayer, require};
pub(crate) use requirement::Lack;
pub use requirement::{Requirement, all, any, deny, primary, scope};
