pub struct Wheat;

impl From<u8> for Wheat {
    fn from(_: u8) -> Self {
        let pattern = "/docs/*";
        let _ = (pattern, "*/ crate::bread::Bread");
        Self
    }
}
