//! The folder of the configurations: its owner and its rights.

use super::rights;
use std::io;
use std::path::Path;
use windows_permissions::constants::{SeObjectType, SecurityInformation};
use windows_permissions::utilities::current_process_sid;
use windows_permissions::wrappers::{
    ConvertSidToStringSid, GetNamedSecurityInfo, LookupAccountName, SetNamedSecurityInfo,
};
use windows_permissions::{LocalBox, SecurityDescriptor};

const FILE: SeObjectType = SeObjectType::SE_FILE_OBJECT;

/// Refuses a folder that is owned by anyone but the system, an administrator or the caller, and a link to another
/// place.
pub(super) fn check_owner(path: &Path) -> Result<(), String> {
    let in_words = |error: io::Error| format!("{}: {error}", path.display());
    let metadata = path.symlink_metadata().map_err(in_words)?;
    if metadata.file_type().is_symlink() {
        return Err(format!("{} is a link, and its owner could point it elsewhere", path.display()));
    }
    let found = GetNamedSecurityInfo(path, FILE, SecurityInformation::Owner).map_err(in_words)?;
    let owner = found.owner().map(ConvertSidToStringSid).transpose().map_err(in_words)?.unwrap_or_default();
    let caller = current_process_sid().and_then(|sid| ConvertSidToStringSid(&sid)).map_err(in_words)?;
    let (owner, caller) = (owner.to_string_lossy(), caller.to_string_lossy());
    if rights::is_trusted_owner(&owner, &caller) {
        return Ok(());
    }
    Err(format!(
        "{} belongs to {owner}, who is neither the system nor the administrators nor you; \
         hint: look at what is in it, then delete it or take ownership of it",
        path.display()
    ))
}

/// The security descriptor of a folder, as text.
pub(super) fn descriptor(path: &Path) -> Result<String, String> {
    let what = SecurityInformation::Owner | SecurityInformation::Dacl;
    let found = GetNamedSecurityInfo(path, FILE, what).and_then(|found| found.as_sddl());
    found.map(|text| text.to_string_lossy().into_owned()).map_err(|error| format!("{}: {error}", path.display()))
}

/// Sets the rights of a folder, which everything in it inherits.
pub(super) fn set(path: &Path, sddl: &str) -> Result<(), String> {
    let apply = || {
        let wanted: LocalBox<SecurityDescriptor> = sddl.parse()?;
        let what = SecurityInformation::Owner | SecurityInformation::Dacl | SecurityInformation::ProtectedDacl;
        SetNamedSecurityInfo(path, FILE, what, wanted.owner(), None, wanted.dacl(), None)
    };
    apply().map_err(|error| format!("{}: {error}", path.display()))
}

pub(super) fn sid_of(account: &str) -> Result<String, String> {
    let found = LookupAccountName(None::<&str>, account).and_then(|(sid, ..)| ConvertSidToStringSid(&sid));
    found.map(|sid| sid.to_string_lossy().into_owned()).map_err(|error| format!("{account}: {error}"))
}
