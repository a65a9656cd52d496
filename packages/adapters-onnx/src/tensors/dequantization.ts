/** Weights behind DequantizeLinear, as the floats that they stand for: `y = (x − zero point) · scale`. */
import { TensorProto_DataType as DataType, type NodeProto, type TensorProto } from 'onnx-buf';
import { intAttribute, isStandard } from '../proto/onnx-protos.js';
import { dimsOf, floatTensor, floatValues, isFloatType, sizeOf } from '../proto/tensor-values.js';

/** The constant operands of a DequantizeLinear node. */
export interface QuantisedConstant {
  readonly values: TensorProto;
  readonly scale: TensorProto;
  readonly zeroPoint: TensorProto | undefined;
  readonly axis: number;
  /** Values along the axis that share a scale; 0 when each position or the whole tensor has one. */
  readonly blockSize: number;
}

/**
 * The operands of a node, or undefined when it is no DequantizeLinear of constants that are known here: whole numbers of
 * 4 to 32 bits with one scale per tensor, per position of one axis, or per block along it.
 */
export function quantisedConstant(
  node: NodeProto,
  constant: (name: string) => TensorProto | undefined,
): QuantisedConstant | undefined {
  if (node.opType !== 'DequantizeLinear' || !isStandard(node)) return undefined;
  const [x, scaleName, zeroName] = node.input as [string, string, string | undefined];
  const values = constant(x);
  const scale = constant(scaleName);
  const zeroPoint = zeroName ? constant(zeroName) : undefined;
  if (values === undefined || scale === undefined || (zeroName && zeroPoint === undefined)) return undefined;
  if (!isFloatType(scale.dataType) || !(values.dataType in BITS)) return undefined;
  if (zeroPoint !== undefined && sizeOf(zeroPoint) !== sizeOf(scale)) return undefined;
  const rank = values.dims.length;
  const axis = (intAttribute(node, 'axis', 1) + rank) % Math.max(1, rank);
  const result = { values, scale, zeroPoint, axis, blockSize: intAttribute(node, 'block_size', 0) };
  return scalesExpected(result) === sizeOf(scale) ? result : undefined;
}

/** The floats, in the type of the scales. */
export function dequantised(name: string, constant: QuantisedConstant): TensorProto {
  const { values, scale, zeroPoint, axis, blockSize } = constant;
  const dims = dimsOf(values);
  const quantised = wholeNumbers(values);
  const scales = floatValues(scale);
  const zeros = zeroPoint === undefined ? undefined : wholeNumbers(zeroPoint);
  const length = dims[axis] ?? 1;
  const inner = dims.slice(axis + 1).reduce((product, dim) => product * dim, 1);
  const single = scales.length === 1;
  const blocks = blockSize > 0 ? Math.ceil(length / blockSize) : 0;
  const result = new Float32Array(quantised.length);
  for (let i = 0; i < result.length; i++) {
    const along = Math.floor(i / inner) % length;
    const block = Math.floor(i / (inner * length)) * blocks + Math.floor(along / Math.max(1, blockSize));
    const at = single ? 0 : blocks > 0 ? block * inner + (i % inner) : along;
    result[i] = (quantised[i]! - (zeros?.[at] ?? 0)) * scales[at]!;
  }
  return floatTensor(name, dims, scale.dataType, result);
}

function scalesExpected({ values, scale, axis, blockSize }: QuantisedConstant): number {
  if (sizeOf(scale) === 1 && scale.dims.length <= 1) return 1;
  const dims = dimsOf(values);
  if (blockSize === 0) return dims[axis] ?? 1;
  return dims.reduce((product, dim, i) => product * (i === axis ? Math.ceil(dim / blockSize) : dim), 1);
}

/** Bits of one value of the types that are read. */
const BITS: Readonly<Record<number, number>> = {
  [DataType.INT4]: 4,
  [DataType.UINT4]: 4,
  [DataType.INT8]: 8,
  [DataType.UINT8]: 8,
  [DataType.INT16]: 16,
  [DataType.UINT16]: 16,
  [DataType.INT32]: 32,
};

/** The values of a tensor of whole numbers of 4 to 32 bits. */
export function wholeNumbers(tensor: TensorProto): ArrayLike<number> {
  const { rawData, dataType, int32Data } = tensor;
  const packed = BITS[dataType] === 4;
  if (rawData.length === 0 && !packed) return int32Data;
  const bytes = rawData.length > 0 ? rawData : Uint8Array.from(int32Data);
  if (packed) {
    return Int8Array.from({ length: sizeOf(tensor) }, (_, i) => {
      const half = (bytes[i >> 1]! >> (4 * (i % 2))) & 15;
      return dataType === DataType.INT4 && half > 7 ? half - 16 : half;
    });
  }
  const own = new Uint8Array(bytes).buffer;
  switch (dataType) {
    case DataType.INT8:
      return new Int8Array(own);
    case DataType.UINT8:
      return new Uint8Array(own);
    case DataType.INT16:
      return new Int16Array(own);
    case DataType.UINT16:
      return new Uint16Array(own);
    default:
      return new Int32Array(own);
  }
}
