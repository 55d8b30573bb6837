//! Where a credential stands in a request.

/// The credential of a request: `Authorization: Bearer …` or `X-API-Key: …`.
///
/// `Ok(None)` when neither is there. Another authorization scheme is ignored when `X-API-Key` is
/// present, since a `.netrc` entry makes the client library send one.
///
/// # Errors
/// [`CredentialRefusal`] for another scheme alone, or two different credentials.
pub fn from_headers<'a>(
    authorization: Option<&'a str>,
    x_api_key: Option<&'a str>,
) -> Result<Option<&'a str>, CredentialRefusal> {
    let x_api_key = x_api_key.map(str::trim).filter(|key| !key.is_empty());
    let authorization = authorization
        .map(str::trim)
        .filter(|value| !value.is_empty());
    let bearer = match authorization.map(bearer) {
        None => None,
        Some(Some(token)) => Some(token),
        Some(None) if x_api_key.is_some() => None,
        Some(None) => return Err(CredentialRefusal::Scheme),
    };
    match (bearer, x_api_key) {
        (Some(bearer), Some(key)) if bearer != key => Err(CredentialRefusal::Two),
        (Some(credential), _) | (None, Some(credential)) => Ok(Some(credential)),
        (None, None) => Ok(None),
    }
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// Why no credential could be taken from the headers; HTTP 401.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CredentialRefusal {
    /// Not `Bearer`.
    #[error("the Authorization header must be 'Bearer' and an API key")]
    Scheme,
    /// Both headers, with different values.
    #[error("Authorization and X-API-Key carry different credentials")]
    Two,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn either_header_gives_the_credential() {
        assert_eq!(from_headers(Some("Bearer k"), None), Ok(Some("k")));
        assert_eq!(from_headers(Some("bearer  k "), None), Ok(Some("k")));
        assert_eq!(from_headers(None, Some("k")), Ok(Some("k")));
        assert_eq!(from_headers(Some("Bearer k"), Some("k")), Ok(Some("k")));
        assert_eq!(from_headers(None, None), Ok(None));
        assert_eq!(from_headers(None, Some(" ")), Ok(None));
    }

    #[test]
    fn another_scheme_yields_to_the_key_header() {
        assert_eq!(from_headers(Some("Basic abc"), Some("k")), Ok(Some("k")));
        assert_eq!(
            from_headers(Some("Basic abc"), None),
            Err(CredentialRefusal::Scheme)
        );
        assert_eq!(
            from_headers(Some("Bearer"), None),
            Err(CredentialRefusal::Scheme)
        );
    }

    #[test]
    fn two_different_credentials_are_refused() {
        assert_eq!(
            from_headers(Some("Bearer a"), Some("b")),
            Err(CredentialRefusal::Two)
        );
    }
}
