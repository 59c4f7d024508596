//! Defender XDR.

pub(super) mod incidents;
