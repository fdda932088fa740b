//! The models of the examples: a scripted one, or a real one where its server is named.

use neuronbus::cortex::CortexBuilder;
use neuronbus::id::RegionId;
use neuronbus::prelude::*;
use neuronbus_llm::{
    HttpError, HttpProvider, HttpSettings, Limits, LlmGate, Protocol, Request, ScriptedModel,
};

/// Adds the gate `model` to a topology: to the OpenAI-compatible server at a URL, in real time, or else to a script, as
/// fast as it goes.
///
/// # Errors
/// [`HttpError`] if the URL is none.
pub(crate) fn model(
    url: Option<String>,
    builder: &mut CortexBuilder,
) -> Result<RegionId, HttpError> {
    let Some(url) = url else {
        builder.pace(Pace::Free);
        let gate = ScriptedModel::new("scripted", answer).gate("model");
        return Ok(builder.region(Region::gated("model", gate)));
    };
    let provider = HttpProvider::new(HttpSettings::new(Protocol::OpenAiChat, &url, "default"))?;
    let gate = LlmGate::new("model", provider, Limits::default());
    Ok(builder.region(Region::gated("model", gate)))
}

/// What the script says of bridges: it believes the last thing that it was told.
fn answer(request: &Request) -> String {
    let heard = &request.messages[1].content;
    if heard.contains("closed") {
        return "I have changed my mind: the bridge is closed, go round.".to_owned();
    }
    "The bridge is open so take the road across it, and do not hurry.".to_owned()
}
