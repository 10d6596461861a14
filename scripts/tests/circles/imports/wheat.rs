// The circle closes by a path, without a `use`.
pub struct Wheat(pub Option<Box<crate::Bread>>);
