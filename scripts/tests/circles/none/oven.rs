use super::wheat::Wheat;

pub struct Oven(pub Option<Wheat>);

impl Oven {
    // `take` of an Option: bread.rs has a method of that name, which this file does not call.
    pub fn empty(&mut self) -> Option<Wheat> {
        self.0.take()
    }
}

#[cfg(test)]
mod tests {
    use crate::bread::Bread;
}
