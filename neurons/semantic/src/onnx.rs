//! Writes graphs in the format of ONNX, as far as this crate needs it.
//!
//! ONNX is Protocol Buffers; a message is a list of fields, each a key (its number and how it is written) and a value.
//! The numbers are those of `onnx.proto`.

/// A message under construction.
#[derive(Debug, Default)]
pub(super) struct Message(Vec<u8>);

impl Message {
    fn raw_varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn varint(&mut self, field: u64, value: u64) -> &mut Self {
        self.raw_varint(field << 3);
        self.raw_varint(value);
        self
    }

    fn float(&mut self, field: u64, value: f32) -> &mut Self {
        self.raw_varint(field << 3 | 5);
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    fn bytes(&mut self, field: u64, value: &[u8]) -> &mut Self {
        self.raw_varint(field << 3 | 2);
        self.raw_varint(value.len() as u64);
        self.0.extend_from_slice(value);
        self
    }

    fn text(&mut self, field: u64, value: &str) -> &mut Self {
        self.bytes(field, value.as_bytes())
    }
}

/// Kinds of numbers in tensors, as ONNX counts them.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    F32 = 1,
    I8 = 3,
    I64 = 7,
}

/// What a node of the graph is told besides its inputs.
#[derive(Debug, Clone, Copy)]
pub(super) enum Attribute<'a> {
    Int(&'a str, i64),
    Float(&'a str, f32),
    Ints(&'a str, &'a [i64]),
}

impl Attribute<'_> {
    fn message(self) -> Message {
        let mut message = Message::default();
        match self {
            Self::Int(name, value) => message.text(1, name).varint(3, value as u64).varint(20, 2),
            Self::Float(name, value) => message.text(1, name).float(2, value).varint(20, 1),
            Self::Ints(name, values) => {
                message.text(1, name);
                values.iter().for_each(|&value| {
                    message.varint(8, value as u64);
                });
                message.varint(20, 7)
            }
        };
        message
    }
}

/// A graph under construction; values are known by their names.
#[derive(Debug, Default)]
pub(super) struct Graph {
    message: Message,
    nodes: usize,
}

impl Graph {
    /// A tensor that is part of the model.
    pub(super) fn constant(
        &mut self,
        name: &str,
        kind: Kind,
        shape: &[usize],
        bytes: &[u8],
    ) -> String {
        let mut tensor = Message::default();
        shape.iter().for_each(|&size| {
            tensor.varint(1, size as u64);
        });
        tensor.varint(2, kind as u64).text(8, name).bytes(9, bytes);
        self.message.bytes(5, &tensor.0);
        name.to_owned()
    }

    pub(super) fn floats(&mut self, name: &str, shape: &[usize], values: &[f32]) -> String {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant(name, Kind::F32, shape, &bytes)
    }

    pub(super) fn ints(&mut self, name: &str, values: &[i64]) -> String {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant(name, Kind::I64, &[values.len()], &bytes)
    }

    /// A node with so many results.
    pub(super) fn nodes<const N: usize>(
        &mut self,
        operator: &str,
        inputs: &[&str],
        attributes: &[Attribute<'_>],
    ) -> [String; N] {
        self.nodes += 1;
        let number = self.nodes;
        let outputs = std::array::from_fn(|at| format!("{operator}_{number}_{at}"));
        let mut node = Message::default();
        inputs.iter().for_each(|input| {
            node.text(1, input);
        });
        outputs.iter().for_each(|output: &String| {
            node.text(2, output);
        });
        node.text(3, &format!("{operator}_{number}")).text(4, operator);
        attributes.iter().for_each(|attribute| {
            node.bytes(5, &attribute.message().0);
        });
        self.message.bytes(1, &node.0);
        outputs
    }

    /// A node with one result.
    pub(super) fn node(
        &mut self,
        operator: &str,
        inputs: &[&str],
        attributes: &[Attribute<'_>],
    ) -> String {
        let [output] = self.nodes(operator, inputs, attributes);
        output
    }

    fn value(name: &str, kind: Kind, shape: &[Option<usize>]) -> Message {
        let mut dimensions = Message::default();
        for (at, size) in shape.iter().enumerate() {
            let mut dimension = Message::default();
            match size {
                Some(size) => dimension.varint(1, *size as u64),
                None => dimension.text(2, ["batch", "sequence"][at.min(1)]),
            };
            dimensions.bytes(1, &dimension.0);
        }
        let mut tensor = Message::default();
        tensor.varint(1, kind as u64).bytes(2, &dimensions.0);
        let mut kind = Message::default();
        kind.bytes(1, &tensor.0);
        let mut value = Message::default();
        value.text(1, name).bytes(2, &kind.0);
        value
    }

    /// Batches of token numbers, or the like, that the model is given.
    pub(super) fn input(&mut self, name: &str) -> String {
        self.message.bytes(11, &Self::value(name, Kind::I64, &[None, None]).0);
        name.to_owned()
    }

    /// The model with one result, which has so many numbers for each token.
    pub(super) fn finish(mut self, result: &str, name: &str, width: usize) -> Vec<u8> {
        let mut node = Message::default();
        node.text(1, result).text(2, name).text(3, name).text(4, "Identity");
        self.message.bytes(1, &node.0).text(2, "encoder");
        self.message.bytes(12, &Self::value(name, Kind::F32, &[None, None, Some(width)]).0);
        let mut operators = Message::default();
        operators.text(1, "").varint(2, OPERATORS);
        let mut model = Message::default();
        model.varint(1, FORMAT).text(2, "neuronbus").bytes(7, &self.message.0);
        model.bytes(8, &operators.0);
        model.0
    }
}

/// Versions of the format and of its operators; the operators' is the first that has Gelu.
const FORMAT: u64 = 9;
const OPERATORS: u64 = 20;
