//! Services and the versions of them that run.

use serde::{Deserialize, Serialize};

/// What runs: an image, taken apart. The digest is its identity, the tag only a label.
///
/// Grammar: <https://github.com/distribution/reference/blob/main/reference.go>.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Version {
    pub repository: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tag: Option<String>,
    /// `sha256:` and 64 hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub digest: Option<String>,
}

/// How much of a digest people compare by eye: as Git shortens a commit.
const SHORT_DIGEST: usize = 7;

impl Version {
    /// Takes an image reference apart. A colon before the last slash belongs to a registry's port.
    pub fn from_image(image: &str) -> Self {
        let (rest, digest) = match image.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest.to_owned())),
            None => (image, None),
        };
        let name = rest.rfind('/').map_or(0, |slash| slash + 1);
        let (repository, tag) = match rest[name..].split_once(':') {
            Some((short, tag)) => (&rest[..name + short.len()], Some(tag.to_owned())),
            None => (rest, None),
        };
        Self { repository: repository.to_owned(), tag, digest }
    }

    /// The digest's first hexadecimal digits, for people.
    pub fn short_digest(&self) -> Option<&str> {
        let digest = self.digest.as_deref()?;
        let hex = digest.split_once(':').map_or(digest, |(_, hex)| hex);
        Some(hex.get(..SHORT_DIGEST).unwrap_or(hex))
    }

    /// What people call it: the tag, else the short digest, else `latest`, as container engines
    /// read a reference without either.
    pub fn label(&self) -> &str {
        self.tag.as_deref().or_else(|| self.short_digest()).unwrap_or("latest")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_taken_apart() {
        let table = [
            ("app", "app", None, None),
            ("app:1.2", "app", Some("1.2"), None),
            ("host:5000/team/app", "host:5000/team/app", None, None),
            ("host:5000/team/app:1.2", "host:5000/team/app", Some("1.2"), None),
            ("ghcr.io/x/app@sha256:ab", "ghcr.io/x/app", None, Some("sha256:ab")),
            ("ghcr.io/x/app:1@sha256:ab", "ghcr.io/x/app", Some("1"), Some("sha256:ab")),
        ];
        for (image, repository, tag, digest) in table {
            let version = Version::from_image(image);
            assert_eq!(version.repository, repository, "{image}");
            assert_eq!(version.tag.as_deref(), tag, "{image}");
            assert_eq!(version.digest.as_deref(), digest, "{image}");
        }
    }

    #[test]
    fn a_version_is_called_by_its_tag_and_known_by_its_digest() {
        let version = Version::from_image("a:2@sha256:0123456789abcdef");
        assert_eq!((version.label(), version.short_digest()), ("2", Some("0123456")));
        assert_eq!(Version::from_image("a@sha256:0123456789").label(), "0123456");
        assert_eq!(Version::from_image("a").label(), "latest");
    }
}
