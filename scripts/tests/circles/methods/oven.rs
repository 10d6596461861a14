use super::kitchen::Kitchen;

impl Kitchen {
    pub fn heat_oven(&self) {
        self.grind();
    }
}
