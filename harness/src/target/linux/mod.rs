//! tmp
use crate::target::*;
/// x
#[derive(Default)]
pub struct LinuxTarget;
impl LinuxTarget {
    /// x
    pub fn available() -> Result<(), String> {
        Err("tmp".into())
    }
}
impl Target for LinuxTarget {
    fn name(&self) -> &'static str {
        "linux"
    }
    fn defines(&self) -> Vec<String> {
        vec![]
    }
    fn lacks(&self, _: &Capability) -> Option<String> {
        None
    }
    fn is_virtual(&self) -> bool {
        false
    }
    fn open(&self, _: &SessionSettings) -> Result<Box<dyn Session>, TargetError> {
        Err(TargetError::Machine(String::new()))
    }
}
