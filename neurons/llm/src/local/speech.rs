//! Conversations as tokens, and tokens as text.
//!
//! The form of a conversation comes with the model, as a template with marks such as `<|im_end|>`. The template is
//! filled in with placeholders; what it says itself is read with its marks, and what messages say is read without any,
//! so that no message can end itself and begin another.

use candle_core::quantized::gguf_file::{Content, Value};
use candle_core::quantized::tokenizer::TokenizerFromGguf;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, context};
use serde_json::json;
use tokenizers::Tokenizer;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::digits::Digits;
use tokenizers::pre_tokenizers::sequence::Sequence;

use crate::request::{Message, Role};

/// What marks tokens in a file of weights; without them, its tokenizer knows no marks.
const MARKS: [&str; 6] = [
    "tokenizer.ggml.token_type",
    "tokenizer.ggml.bos_token_id",
    "tokenizer.ggml.eos_token_id",
    "tokenizer.ggml.pad_token_id",
    "tokenizer.ggml.sep_token_id",
    "tokenizer.ggml.unk_token_id",
];

/// Two characters for private use, which a template will not say by itself.
const PLACE: [char; 2] = ['\u{E000}', '\u{E001}'];

/// Steps that a template may take.
const FUEL: u64 = 1_000_000;

/// What is wrong with the speech of a model: of what, and why.
pub(super) type Unusable = (&'static str, String);

/// How a model reads and speaks.
#[derive(Debug)]
pub(super) struct Speech {
    /// Knows the marks.
    framing: Tokenizer,
    /// Knows none.
    plain: Tokenizer,
    form: Environment<'static>,
    begin: String,
    end: String,
    /// Tokens that end an answer.
    ends: Vec<u32>,
}

impl Speech {
    /// Reads it from the head of a file of weights, which is spoiled by it.
    pub(super) fn of(head: &mut Content) -> Result<Self, Unusable> {
        let framing = tokenizer(head)?;
        let number = |key: &str| {
            let value = head.metadata.get(&format!("tokenizer.ggml.{key}_token_id"))?;
            value.to_u32().ok()
        };
        let word = |id: Option<u32>| id.and_then(|id| framing.id_to_token(id)).unwrap_or_default();
        let (begin, end) = (word(number("bos")), word(number("eos")));
        let ends: Vec<u32> = [number("eos"), number("eot")].into_iter().flatten().collect();
        if ends.is_empty() {
            return Err(("tokens", "none of them ends an answer".to_owned()));
        }
        let form = head.metadata.get("tokenizer.chat_template").map(Value::to_string);
        let Some(Ok(form)) = form else {
            return Err(("template", "there is none".to_owned()));
        };
        let form = environment(form.clone()).map_err(|error| ("template", error.to_string()))?;
        for mark in MARKS {
            head.metadata.remove(mark);
        }
        let plain = tokenizer(head)?;
        let speech = Self { framing, plain, form, begin, end, ends };
        let trial = Message { role: Role::User, content: "hello".to_owned() };
        speech.prompt(&[trial]).map_err(|why| ("template", why))?;
        Ok(speech)
    }

    /// Whether a token ends an answer.
    pub(super) fn is_end(&self, token: u32) -> bool {
        self.ends.contains(&token)
    }

    /// The tokens of a conversation, up to where the model is to speak.
    pub(super) fn prompt(&self, messages: &[Message]) -> Result<Vec<u32>, String> {
        let [open, close] = PLACE;
        let places = messages.iter().enumerate();
        let places: Vec<_> = places
            .map(|(at, message)| json!({ "role": message.role, "content": format!("{open}{at}{close}") }))
            .collect();
        let form = self.form.get_template("form").map_err(|error| error.to_string())?;
        let filled = form
            .render(context! {
                messages => Serde(places),
                add_generation_prompt => true,
                bos_token => self.begin.as_str(),
                eos_token => self.end.as_str(),
            })
            .map_err(|error| error.to_string())?;
        let mut tokens = Vec::new();
        let mut add = |tokenizer: &Tokenizer, text: &str| {
            let read = tokenizer.encode(text, false).map_err(|error| error.to_string())?;
            tokens.extend_from_slice(read.get_ids());
            Ok::<(), String>(())
        };
        let mut parts = filled.split(open);
        add(&self.framing, parts.next().unwrap_or_default())?;
        for part in parts {
            let (place, rest) = part.split_once(close).unwrap_or((part, ""));
            let message = place.parse().ok().and_then(|at: usize| messages.get(at));
            add(&self.plain, message.map_or("", |message| message.content.as_str()))?;
            add(&self.framing, rest)?;
        }
        Ok(tokens)
    }

    /// Turns the tokens of one answer into text, each as soon as it is whole characters.
    pub(super) fn speak(&self) -> impl FnMut(u32) -> Result<Option<String>, String> {
        let mut stream = self.framing.decode_stream(true);
        move |token| stream.step(token).map_err(|error| error.to_string())
    }
}

fn tokenizer(head: &Content) -> Result<Tokenizer, Unusable> {
    let read = Tokenizer::from_gguf(head);
    let mut tokenizer = read.map_err(|error| ("tokens", error.to_string()))?;
    let cut = head.metadata.get("tokenizer.ggml.pre").map(Value::to_string);
    if let Some(Ok(cut)) = cut
        && cut == "smollm"
    {
        // The library takes it for GPT-2's; this family cuts numbers into digits, and adds no space in front.
        let parts = vec![Digits::new(true).into(), ByteLevel::new(false, true, true).into()];
        tokenizer.with_pre_tokenizer(Some(Sequence::new(parts)));
    }
    Ok(tokenizer)
}

fn environment(form: String) -> Result<Environment<'static>, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_fuel(Some(FUEL));
    // What templates of Hugging Face call when they are given a conversation that their model does not know.
    environment.add_function(
        "raise_exception",
        |why: String| -> Result<String, minijinja::Error> {
            Err(minijinja::Error::new(minijinja::ErrorKind::InvalidOperation, why))
        },
    );
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    environment.add_template_owned("form", form)?;
    Ok(environment)
}
