use super::oven::Oven;

/// A comment may speak of crate::bread::Bread, and text too: "crate::oven::Oven".
pub struct Bread(pub Oven);

impl Bread {
    pub fn take(self) -> Oven {
        self.0
    }
}
