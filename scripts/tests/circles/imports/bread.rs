use super::oven::Oven;

pub struct Bread;

impl Bread {
    pub fn of(_: Oven) -> Self {
        Self
    }
}
