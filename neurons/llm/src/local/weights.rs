//! Weights, in formats whose products are computed by vector instructions.
//!
//! The library has none for some of the old formats, and spends nine tenths of its time on them. Each of their weights
//! is put into eight bits, which loses next to nothing and takes up to twice the memory.

use std::io::{Cursor, Read, Seek};

use candle_core::quantized::gguf_file::{self, Content};
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Result};
use candle_transformers::models::quantized_llama::ModelWeights;

/// Reads the weights of a model from the beginning of its file.
pub(super) fn read(reader: &mut (impl Read + Seek)) -> Result<ModelWeights> {
    reader.rewind()?;
    let head = Content::read(reader)?;
    if !head.tensor_infos.values().any(|info| is_slow(info.ggml_dtype)) {
        return ModelWeights::from_gguf(head, reader, &Device::Cpu);
    }
    // The library reads weights from a file alone: here is one, in memory, of what it asks for.
    let mut file = Cursor::new(eight_bits(&head, reader)?);
    let head = Content::read(&mut file)?;
    ModelWeights::from_gguf(head, &mut file, &Device::Cpu)
}

fn is_slow(format: GgmlDType) -> bool {
    matches!(format, GgmlDType::Q4_1 | GgmlDType::Q5_0 | GgmlDType::Q5_1 | GgmlDType::Q8_1)
}

fn eight_bits(head: &Content, reader: &mut (impl Read + Seek)) -> Result<Vec<u8>> {
    let mut tensors = Vec::with_capacity(head.tensor_infos.len());
    for (name, info) in &head.tensor_infos {
        let mut tensor = head.tensor(reader, name, &Device::Cpu)?;
        if is_slow(info.ggml_dtype) {
            tensor = QTensor::quantize(&tensor.dequantize(&Device::Cpu)?, GgmlDType::Q8_0)?;
        }
        tensors.push((name.as_str(), tensor));
    }
    let tensors: Vec<_> = tensors.iter().map(|(name, tensor)| (*name, tensor)).collect();
    let metadata = head.metadata.iter().map(|(key, value)| (key.as_str(), value));
    let shape = |(key, _): &(&str, _)| key.starts_with("llama.") || *key == "general.architecture";
    let metadata: Vec<_> = metadata.filter(shape).collect();
    let mut file = Cursor::new(Vec::new());
    gguf_file::write(&mut file, &metadata, &tensors)?;
    Ok(file.into_inner())
}
