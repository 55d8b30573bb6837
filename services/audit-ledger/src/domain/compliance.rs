//! Compliance: what bears on a control, by the catalogues of `schemas/compliance`.

mod assess;
mod bearing;
mod catalogue;
mod evidence;
mod window;

pub(crate) use assess::{
    Assessment, Counted, Found, Held, Judged, Piece, PolicyPiece, Role, Sealed, assess, not_before,
};
pub(crate) use bearing::{Bearing, Standing};
pub(crate) use catalogue::{Catalogue, Catalogues, Control};
pub(crate) use evidence::Evidence;
pub(crate) use window::Window;
