//! From the weights of a BERT to a graph that the inference library runs.
//!
//! The packages that carry all-MiniLM-L6-v2 have it as safetensors; the library reads ONNX. The graph is written here,
//! with weights as they are, or rounded to 8 bits: then each output of a dense layer has a scale of its own, and what
//! goes into the layer is rounded when it is known (dynamic quantisation).

use safetensors::{Dtype, SafeTensors};

use crate::onnx::{Attribute, Graph, Kind};

/// How weights are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// 32-bit floating point, as published.
    F32,
    /// Dense layers in 8-bit integers: a quarter of the size, twice as fast, cosine 0.99 to the above.
    Int8,
}

/// Why weights were not converted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConvertError {
    /// The file is no safetensors, or damaged.
    #[error("the weights are damaged or of another format: {0}")]
    Format(String),
    /// A tensor is not what it is in a BERT of this shape.
    #[error("the tensor {name} is {found}, expected {expected}")]
    Tensor {
        /// Its name.
        name: String,
        /// What is there.
        found: String,
        /// What should be.
        expected: String,
    },
}

const HEADS: usize = 12;
const EPSILON: f32 = 1e-12;

/// Scores of padding are as low as this.
const NEVER: f32 = -1e9;

struct Weights<'a> {
    tensors: SafeTensors<'a>,
    width: usize,
    inner: usize,
}

impl Weights<'_> {
    fn take(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, ConvertError> {
        let tensor =
            self.tensors.tensor(name).map_err(|error| ConvertError::Format(error.to_string()))?;
        if tensor.dtype() != Dtype::F32 || tensor.shape() != shape {
            return Err(ConvertError::Tensor {
                name: name.to_owned(),
                found: format!("{:?} {:?}", tensor.dtype(), tensor.shape()),
                expected: format!("F32 {shape:?}"),
            });
        }
        let (numbers, _) = tensor.data().as_chunks();
        Ok(numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
    }

    fn shape(&self, name: &str) -> Result<Vec<usize>, ConvertError> {
        let tensor =
            self.tensors.tensor(name).map_err(|error| ConvertError::Format(error.to_string()))?;
        Ok(tensor.shape().to_vec())
    }
}

/// Converts the weights of a BERT with 12 heads, such as all-MiniLM-L6-v2, from safetensors to ONNX.
///
/// # Errors
/// [`ConvertError`]; every tensor's shape is checked.
pub fn convert(safetensors: &[u8], precision: Precision) -> Result<Vec<u8>, ConvertError> {
    let format = |error: safetensors::SafeTensorError| ConvertError::Format(error.to_string());
    let tensors = SafeTensors::deserialize(safetensors).map_err(format)?;
    let mut weights = Weights { tensors, width: 0, inner: 0 };
    let (words, inner) =
        ("embeddings.word_embeddings.weight", "encoder.layer.0.intermediate.dense.weight");
    let refuse = |name: &str, found: &[usize]| ConvertError::Tensor {
        name: name.to_owned(),
        found: format!("{found:?}"),
        expected: format!("a matrix with columns for {HEADS} heads"),
    };
    let shape = weights.shape(words)?;
    let &[vocabulary, width] = shape.as_slice() else { return Err(refuse(words, &shape)) };
    let shape = weights.shape(inner)?;
    let &[inner_width, _] = shape.as_slice() else { return Err(refuse(inner, &shape)) };
    if width == 0 || !width.is_multiple_of(HEADS) {
        return Err(refuse(words, &[vocabulary, width]));
    }
    (weights.width, weights.inner) = (width, inner_width);
    let mut writer = Writer { graph: Graph::default(), weights, precision };
    let mut states = writer.embeddings(vocabulary)?;
    let mask = writer.mask();
    for layer in 0.. {
        let prefix = format!("encoder.layer.{layer}.");
        if writer.weights.shape(&format!("{prefix}output.dense.weight")).is_err() {
            break;
        }
        states = writer.attention(&prefix, &states, &mask)?;
        states = writer.feed_forward(&prefix, &states)?;
    }
    Ok(writer.graph.finish(&states, "last_hidden_state", width))
}

struct Writer<'a> {
    graph: Graph,
    weights: Weights<'a>,
    precision: Precision,
}

impl Writer<'_> {
    fn embeddings(&mut self, vocabulary: usize) -> Result<String, ConvertError> {
        let width = self.weights.width;
        let words = self.weights.take("embeddings.word_embeddings.weight", &[vocabulary, width])?;
        let table = "embeddings.position_embeddings.weight";
        let places = self.weights.shape(table)?.first().copied().unwrap_or(0);
        let mut positions = self.weights.take(table, &[places, width])?;
        // Every token is of the first type: its row is added to all positions once, here.
        let kinds = self.weights.take("embeddings.token_type_embeddings.weight", &[2, width])?;
        for row in positions.chunks_exact_mut(width) {
            row.iter_mut().zip(&kinds).for_each(|(number, kind)| *number += kind);
        }
        let words = self.graph.floats("words", &[vocabulary, width], &words);
        let positions = self.graph.floats("positions", &[places, width], &positions);
        let (ids, at) = (self.graph.input("input_ids"), self.graph.input("position_ids"));
        let words = self.graph.node("Gather", &[&words, &ids], &[]);
        let positions = self.graph.node("Gather", &[&positions, &at], &[]);
        let sum = self.graph.node("Add", &[&words, &positions], &[]);
        self.norm("embeddings.LayerNorm", &sum)
    }

    /// 0 for what counts and [`NEVER`] for padding, in the shape of scores.
    fn mask(&mut self) -> String {
        let mask = self.graph.input("attention_mask");
        let mask = self.graph.node("Cast", &[&mask], &[Attribute::Int("to", Kind::F32 as i64)]);
        let one = self.graph.floats("one", &[1], &[1.0]);
        let never = self.graph.floats("never", &[1], &[NEVER]);
        let axes = self.graph.ints("score_axes", &[1, 2]);
        let padding = self.graph.node("Sub", &[&one, &mask], &[]);
        let padding = self.graph.node("Mul", &[&padding, &never], &[]);
        self.graph.node("Unsqueeze", &[&padding, &axes], &[])
    }

    fn norm(&mut self, name: &str, input: &str) -> Result<String, ConvertError> {
        let width = self.weights.width;
        let [scale, shift] = ["weight", "bias"].map(|part| format!("{name}.{part}"));
        let (scales, shifts) =
            (self.weights.take(&scale, &[width])?, self.weights.take(&shift, &[width])?);
        let scale = self.graph.floats(&scale, &[width], &scales);
        let shift = self.graph.floats(&shift, &[width], &shifts);
        let attributes = [Attribute::Int("axis", -1), Attribute::Float("epsilon", EPSILON)];
        Ok(self.graph.node("LayerNormalization", &[input, &scale, &shift], &attributes))
    }

    /// A dense layer; several that read the same input stand side by side as one.
    fn dense(
        &mut self,
        names: &[String],
        input: &str,
        (inputs, outputs): (usize, usize),
    ) -> Result<String, ConvertError> {
        let (mut rows, mut bias) = (Vec::new(), Vec::new());
        for name in names {
            rows.extend(self.weights.take(&format!("{name}.weight"), &[outputs, inputs])?);
            bias.extend(self.weights.take(&format!("{name}.bias"), &[outputs])?);
        }
        let (name, outputs) = (&names[0], bias.len());
        let product = match self.precision {
            Precision::F32 => {
                let weights = transposed(&rows, inputs);
                let weights = self.graph.floats(name, &[inputs, outputs], &weights);
                self.graph.node("MatMul", &[input, &weights], &[])
            }
            Precision::Int8 => self.quantised(name, input, &rows, inputs),
        };
        let bias = self.graph.floats(&format!("{name}.bias"), &[outputs], &bias);
        Ok(self.graph.node("Add", &[&product, &bias], &[]))
    }

    fn quantised(&mut self, name: &str, input: &str, rows: &[f32], inputs: usize) -> String {
        let rows = rows.chunks_exact(inputs);
        let scale =
            |row: &[f32]| row.iter().fold(f32::MIN_POSITIVE, |most, w| most.max(w.abs())) / 127.0;
        let scales: Vec<f32> = rows.clone().map(scale).collect();
        let outputs = scales.len();
        let round = |(row, scale): (&[f32], &f32)| -> Vec<i8> {
            row.iter().map(|weight| (weight / scale).round() as i8).collect()
        };
        let whole: Vec<i8> = rows.zip(&scales).flat_map(round).collect();
        let whole: Vec<u8> =
            transposed(&whole, inputs).into_iter().map(i8::cast_unsigned).collect();
        let weights = self.graph.constant(name, Kind::I8, &[inputs, outputs], &whole);
        let zero =
            self.graph.constant(&format!("{name}.zero"), Kind::I8, &[outputs], &vec![0; outputs]);
        let scales = self.graph.floats(&format!("{name}.scale"), &[outputs], &scales);
        let [rounded, scale, shift] = self.graph.nodes("DynamicQuantizeLinear", &[input], &[]);
        let product = self.graph.node("MatMulInteger", &[&rounded, &weights, &shift, &zero], &[]);
        let product =
            self.graph.node("Cast", &[&product], &[Attribute::Int("to", Kind::F32 as i64)]);
        let scales = self.graph.node("Mul", &[&scale, &scales], &[]);
        self.graph.node("Mul", &[&product, &scales], &[])
    }

    fn attention(
        &mut self,
        prefix: &str,
        states: &str,
        mask: &str,
    ) -> Result<String, ConvertError> {
        let width = self.weights.width;
        let each = width / HEADS;
        let parts = ["query", "key", "value"].map(|part| format!("{prefix}attention.self.{part}"));
        let all = self.dense(&parts, states, (width, width))?;
        let sizes = self.graph.ints(&format!("{prefix}sizes"), &[width as i64; 3]);
        let [query, key, value] =
            self.graph.nodes("Split", &[&all, &sizes], &[Attribute::Int("axis", 2)]);
        let shape = self.graph.ints(&format!("{prefix}heads"), &[0, 0, HEADS as i64, each as i64]);
        let mut heads = |part: &str, order: &[i64]| {
            let part = self.graph.node("Reshape", &[part, &shape], &[]);
            self.graph.node("Transpose", &[&part], &[Attribute::Ints("perm", order)])
        };
        let (query, value) = (heads(&query, &[0, 2, 1, 3]), heads(&value, &[0, 2, 1, 3]));
        let key = heads(&key, &[0, 2, 3, 1]);
        let scale = (each as f32).sqrt().recip();
        let scale = self.graph.floats(&format!("{prefix}scale"), &[1], &[scale]);
        let scores = self.graph.node("MatMul", &[&query, &key], &[]);
        let scores = self.graph.node("Mul", &[&scores, &scale], &[]);
        let scores = self.graph.node("Add", &[&scores, mask], &[]);
        let scores = self.graph.node("Softmax", &[&scores], &[Attribute::Int("axis", -1)]);
        let heard = self.graph.node("MatMul", &[&scores, &value], &[]);
        let heard =
            self.graph.node("Transpose", &[&heard], &[Attribute::Ints("perm", &[0, 2, 1, 3])]);
        let flat = self.graph.ints(&format!("{prefix}flat"), &[0, 0, width as i64]);
        let heard = self.graph.node("Reshape", &[&heard, &flat], &[]);
        let dense = [format!("{prefix}attention.output.dense")];
        let heard = self.dense(&dense, &heard, (width, width))?;
        let sum = self.graph.node("Add", &[&heard, states], &[]);
        self.norm(&format!("{prefix}attention.output.LayerNorm"), &sum)
    }

    fn feed_forward(&mut self, prefix: &str, states: &str) -> Result<String, ConvertError> {
        let (width, inner) = (self.weights.width, self.weights.inner);
        let wide = self.dense(&[format!("{prefix}intermediate.dense")], states, (width, inner))?;
        let wide = self.graph.node("Gelu", &[&wide], &[]);
        let out = self.dense(&[format!("{prefix}output.dense")], &wide, (inner, width))?;
        let sum = self.graph.node("Add", &[&out, states], &[]);
        self.norm(&format!("{prefix}output.LayerNorm"), &sum)
    }
}

/// Rows of this length become columns.
fn transposed<T: Copy>(rows: &[T], length: usize) -> Vec<T> {
    (0..length).flat_map(|column| rows.iter().skip(column).step_by(length).copied()).collect()
}
