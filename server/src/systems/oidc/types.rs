//! The login library's types, with all claims of the ID token and the one field of the provider's
//! configuration that its core types leave out.

use std::collections::HashMap;

use openidconnect::{
    AdditionalClaims, AdditionalProviderMetadata, ClientId, ClientSecret, EmptyExtraTokenFields,
    EndpointMaybeSet, EndpointNotSet, EndpointSet, IdTokenFields, ProviderMetadata, RedirectUrl,
    StandardErrorResponse, StandardTokenResponse,
    core::{
        CoreAuthDisplay, CoreAuthPrompt, CoreClaimName, CoreClaimType, CoreClientAuthMethod,
        CoreErrorResponseType, CoreGenderClaim, CoreGrantType, CoreJsonWebKey,
        CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm, CoreJwsSigningAlgorithm,
        CoreResponseMode, CoreResponseType, CoreRevocableToken, CoreRevocationErrorResponse,
        CoreSubjectIdentifierType, CoreTokenIntrospectionResponse, CoreTokenType,
    },
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What the ID token says besides the standard claims.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct Claims {
    #[serde(flatten)]
    others: HashMap<String, Value>,
}

impl AdditionalClaims for Claims {}

impl Claims {
    /// The groups in this claim: a list of names, or one name. Anything else grants nothing.
    pub(super) fn groups(&self, claim: &str) -> Vec<String> {
        match self.others.get(claim) {
            Some(Value::Array(groups)) => {
                groups.iter().filter_map(|group| group.as_str().map(str::to_owned)).collect()
            }
            Some(Value::String(group)) => vec![group.clone()],
            _ => vec![],
        }
    }
}

/// RFC 9207, in the provider's configuration.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct More {
    #[serde(rename = "authorization_response_iss_parameter_supported", default)]
    pub(super) names_issuer: bool,
}

impl AdditionalProviderMetadata for More {}

pub(super) type Metadata = ProviderMetadata<
    More,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

pub(super) type IdToken = openidconnect::IdToken<
    Claims,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;

type Tokens = StandardTokenResponse<
    IdTokenFields<
        Claims,
        EmptyExtraTokenFields,
        CoreGenderClaim,
        CoreJweContentEncryptionAlgorithm,
        CoreJwsSigningAlgorithm,
    >,
    CoreTokenType,
>;

pub(super) type Client = openidconnect::Client<
    Claims,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    Tokens,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

pub(super) fn client(
    metadata: Metadata,
    id: ClientId,
    secret: Option<ClientSecret>,
    redirect_url: RedirectUrl,
) -> Client {
    Client::from_provider_metadata(metadata, id, secret).set_redirect_uri(redirect_url)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn groups_are_a_list_or_one_name_and_nothing_else() {
        let table = [
            (json!({"groups": ["a", "b"]}), vec!["a", "b"]),
            (json!({"groups": "a"}), vec!["a"]),
            (json!({"groups": ["a", 1, null, {"x": "b"}]}), vec!["a"]),
            (json!({"groups": {"a": true}}), vec![]),
            (json!({"groups": null}), vec![]),
            (json!({"roles": ["a"]}), vec![]),
        ];
        for (token, groups) in table {
            let claims: Claims = serde_json::from_value(token.clone()).unwrap();
            assert_eq!(claims.groups("groups"), groups, "{token}");
        }
    }
}
