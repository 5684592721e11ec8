"""int8 ONNX whose answer for a text does not depend on the texts that share its batch.

Usual dynamic quantization takes one scale over a whole activation tensor, so that a text's logits move with its neighbours
and their padding. Here each row (token) of an activation has its own scale:

    s[row]  = max |x[row, :]| / 127
    q[row]  = round(x[row, :] / s[row]) + 128                        uint8
    y[row]  = (q - 128) @ Wq * s[row] * w[column]                    int32 -> fp32

Weights are signed, one scale per output column, and use 7 of their 8 bits: CPUs without VNNI add two uint8 x int8 products in
16 bits, which 255 * 127 * 2 = 64770 would saturate silently, and 255 * 63 * 2 = 32130 does not. An artifact is built once and
served on any CPU. The word embeddings, most of such a model's bytes, are kept as int8 with one scale per token.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnx import NodeProto, helper, numpy_helper

from valence_trainer.errors import Failure

WEIGHT_LIMIT = 63
ACTIVATION_LIMIT = 127
EMBEDDING_LIMIT = 127
# Operators of ONNX Runtime beside the standard's: MatMulInteger and the scaling of its sums in one pass over them.
CONTRIBUTED = "com.microsoft"
# A smaller table is not worth the extra operators.
MIN_EMBEDDING_VALUES = 1 << 16

Array = npt.NDArray[np.generic]


def quantize(source: Path, target: Path) -> None:
    model = onnx.load(str(source))
    rewrite = _Rewrite(model)
    rewrite.run()
    model.opset_import.append(helper.make_opsetid(CONTRIBUTED, 1))
    if rewrite.matrices == 0:
        raise Failure("ModelInvalid", "the exported model has no weight matrix to quantize")
    onnx.checker.check_model(model)
    onnx.save(model, str(target))


class _Rewrite:
    def __init__(self, model: onnx.ModelProto) -> None:
        self._graph = model.graph
        self._weights = {tensor.name: tensor for tensor in model.graph.initializer}
        self._nodes: list[NodeProto] = []
        self._rows: set[str] = set()
        self.matrices = 0

    def run(self) -> None:
        for node in list(self._graph.node):
            if not (self._matrix(node) or self._embedding(node)):
                self._nodes.append(node)
        del self._graph.node[:]
        self._graph.node.extend(self._nodes)
        used = {name for node in self._nodes for name in node.input}
        kept = [tensor for tensor in self._weights.values() if tensor.name in used]
        del self._graph.initializer[:]
        self._graph.initializer.extend(kept)

    def _matrix(self, node: NodeProto) -> bool:
        """MatMul(x, W) or Gemm(x, W, b) with a constant W."""
        weight = self._weights.get(node.input[1]) if node.op_type in ("MatMul", "Gemm") else None
        if weight is None or len(weight.dims) != 2:
            return False
        values = numpy_helper.to_array(weight)
        if node.op_type == "Gemm":
            attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
            if attributes.get("transA") or attributes.get("alpha", 1.0) != 1.0 or attributes.get("beta", 1.0) != 1.0:
                return False
            values = values.T if attributes.get("transB") else values
        quantized, scale = _quantize_columns(values, WEIGHT_LIMIT)
        rows = self._quantize_rows(node.input[0])
        name = f"{node.output[0]}_int8"
        has_bias = node.op_type == "Gemm" and len(node.input) > 2
        product = [
            f"{rows}_q",
            self._constant(f"{name}_w", quantized),
            self._one(),
            self._constant(f"{name}_scale", scale),
            self._zero_point(),
        ]
        self._add("MatMulIntegerToFloat", product, f"{name}_columns", domain=CONTRIBUTED)
        self._add("Mul", [f"{name}_columns", f"{rows}_s"], f"{name}_y" if has_bias else node.output[0])
        if has_bias:
            self._add("Add", [f"{name}_y", node.input[2]], node.output[0])
        self.matrices += 1
        return True

    def _quantize_rows(self, x: str) -> str:
        """Adds <name>_q, uint8 of the shape of x, and <name>_s, the scale of each row: [..., 1].
        Once per activation: query, key and value share theirs."""
        name = f"{x}_rows"
        if name in self._rows:
            return name
        self._rows.add(name)
        self._add("Abs", [x], f"{name}_abs")
        self._add("ReduceMax", [f"{name}_abs"], f"{name}_max", axes=[-1], keepdims=1)
        limit = self._constant("activation_limit", np.array(ACTIVATION_LIMIT, np.float32))
        self._add("Div", [f"{name}_max", limit], f"{name}_ratio")
        # A row of zeros must not divide by zero.
        self._add("Max", [f"{name}_ratio", self._constant("least_scale", np.array(1e-9, np.float32))], f"{name}_s")
        # QuantizeLinear knows one scale, or one for each column: rows are scaled before it.
        self._add("Div", [x, f"{name}_s"], f"{name}_scaled")
        self._add("QuantizeLinear", [f"{name}_scaled", self._one(), self._zero_point()], f"{name}_q")
        return name

    def _embedding(self, node: NodeProto) -> bool:
        """Gather(table, ids) -> int8 rows times the scale of each row."""
        table = self._weights.get(node.input[0]) if node.op_type == "Gather" else None
        if table is None or len(table.dims) != 2 or table.data_type != onnx.TensorProto.FLOAT:
            return False
        if table.dims[0] * table.dims[1] < MIN_EMBEDDING_VALUES or any(attribute.i for attribute in node.attribute):
            return False
        quantized, scale = _quantize_columns(numpy_helper.to_array(table).T, EMBEDDING_LIMIT)
        name = f"{node.output[0]}_int8"
        rows = self._constant(f"{name}_table", np.ascontiguousarray(quantized.T))
        self._add("Gather", [rows, node.input[1]], f"{name}_q", axis=0)
        self._add("Cast", [f"{name}_q"], f"{name}_float", to=onnx.TensorProto.FLOAT)
        scales = self._constant(f"{name}_scales", scale.reshape(-1, 1))
        self._add("Gather", [scales, node.input[1]], f"{name}_s", axis=0)
        self._add("Mul", [f"{name}_float", f"{name}_s"], node.output[0])
        return True

    def _one(self) -> str:
        return self._constant("one", np.array(1, np.float32))

    def _zero_point(self) -> str:
        return self._constant("activation_zero_point", np.array(128, np.uint8))

    def _constant(self, name: str, value: Array) -> str:
        if name not in self._weights:
            self._weights[name] = numpy_helper.from_array(value, name)
        return name

    def _add(self, operator: str, inputs: list[str], output: str, **attributes: object) -> None:
        self._nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))


def _quantize_columns(values: Array, limit: int) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]:
    """int8 values and one scale per column: values = quantized * scale."""
    numbers = values.astype(np.float32)
    scale = np.maximum(np.abs(numbers).max(axis=0) / limit, 1e-12).astype(np.float32)
    quantized = np.clip(np.rint(numbers / scale), -limit, limit).astype(np.int8)
    return np.ascontiguousarray(quantized), scale
