// Code generated from the Python package onnx by go test ./runtime/gonum -run TestVersionsAreONNXs -update; DO NOT EDIT.

package gonum

// newestSet is the newest version of a domain's operator set that the table of
// versions covers, 0 for a domain that it does not know.
func newestSet(domain string) int64 {
	switch domain {
	case "":
		return 28
	case "ai.onnx.ml":
		return 5
	case "com.microsoft":
		return 1
	}
	return 0
}

const anyNumber = 1<<31 - 1

// sinceVersions returns the versions of an operator in ascending order: the
// operator sets that brought or changed it.
func sinceVersions(op string) []version {
	switch op {
	case "com.microsoft.Tokenizer":
		return []version{{1, 1}}
	case "Abs", "Ceil", "Exp", "Floor", "Log", "Neg", "Reciprocal", "Sigmoid", "Sqrt", "Tanh":
		return []version{{1, 1}, {6, 1}, {13, 1}}
	case "Acos", "Asin", "Atan", "Cos", "Multinomial", "Sin", "Tan":
		return []version{{7, 1}, {22, 1}}
	case "Acosh", "Asinh", "Atanh", "Cosh", "EyeLike", "Sinh":
		return []version{{9, 1}, {22, 1}}
	case "Add", "Div", "Mul", "Sub":
		return []version{{1, 2}, {6, 2}, {7, 2}, {13, 2}, {14, 2}}
	case "AffineGrid", "StringConcat":
		return []version{{20, 2}}
	case "And", "Or", "Xor":
		return []version{{1, 2}, {7, 2}}
	case "ArgMax", "ArgMin":
		return []version{{1, 1}, {11, 1}, {12, 1}, {13, 1}}
	case "Attention":
		return []version{{23, 6}, {24, 7}, {25, 7}}
	case "AveragePool":
		return []version{{1, 1}, {7, 1}, {10, 1}, {11, 1}, {19, 1}, {22, 1}}
	case "BatchNormalization":
		return []version{{1, 5}, {6, 5}, {7, 5}, {9, 5}, {14, 5}, {15, 5}}
	case "Bernoulli":
		return []version{{15, 1}, {22, 1}}
	case "BitCast":
		return []version{{26, 1}}
	case "BitShift":
		return []version{{11, 2}, {28, 2}}
	case "BitwiseAnd", "BitwiseOr", "BitwiseXor", "CenterCropPad":
		return []version{{18, 2}}
	case "BitwiseNot":
		return []version{{18, 1}}
	case "BlackmanWindow", "HammingWindow", "HannWindow":
		return []version{{17, 1}}
	case "Cast":
		return []version{{1, 1}, {6, 1}, {9, 1}, {13, 1}, {19, 1}, {21, 1}, {23, 1}, {24, 1}, {25, 1}, {28, 1}}
	case "CastLike":
		return []version{{15, 2}, {19, 2}, {21, 2}, {23, 2}, {24, 2}, {25, 2}}
	case "CausalConvWithState":
		return []version{{27, 4}}
	case "Celu":
		return []version{{12, 1}, {28, 1}}
	case "Clip":
		return []version{{1, 1}, {6, 1}, {11, 3}, {12, 3}, {13, 3}}
	case "Col2Im":
		return []version{{18, 3}}
	case "Compress":
		return []version{{9, 2}, {11, 2}, {28, 2}}
	case "Concat":
		return []version{{1, anyNumber}, {4, anyNumber}, {11, anyNumber}, {13, anyNumber}}
	case "ConcatFromSequence", "DynamicQuantizeLinear", "SequenceLength":
		return []version{{11, 1}}
	case "Constant":
		return []version{{1, 0}, {9, 0}, {11, 0}, {12, 0}, {13, 0}, {19, 0}, {21, 0}, {23, 0}, {24, 0}, {25, 0}}
	case "ConstantOfShape":
		return []version{{9, 1}, {20, 1}, {21, 1}, {23, 1}, {24, 1}, {25, 1}}
	case "Conv", "ConvTranspose":
		return []version{{1, 3}, {11, 3}, {22, 3}}
	case "ConvInteger", "MatMulInteger":
		return []version{{10, 4}}
	case "CumProd":
		return []version{{26, 2}}
	case "CumSum":
		return []version{{11, 2}, {14, 2}}
	case "DFT":
		return []version{{17, 2}, {20, 3}}
	case "DeformConv":
		return []version{{19, 5}, {22, 5}}
	case "DepthToSpace":
		return []version{{1, 1}, {11, 1}, {13, 1}, {28, 1}}
	case "DequantizeLinear", "QuantizeLinear":
		return []version{{10, 3}, {13, 3}, {19, 3}, {21, 3}, {23, 3}, {24, 3}, {25, 3}, {28, 3}}
	case "Det", "Round":
		return []version{{11, 1}, {22, 1}}
	case "Dropout":
		return []version{{1, 1}, {6, 1}, {7, 1}, {10, 1}, {12, 3}, {13, 3}, {22, 3}}
	case "Einsum":
		return []version{{12, anyNumber}, {28, anyNumber}}
	case "Elu", "HardSigmoid", "Selu":
		return []version{{1, 1}, {6, 1}, {22, 1}}
	case "Equal":
		return []version{{1, 2}, {7, 2}, {11, 2}, {13, 2}, {19, 2}}
	case "Erf", "MeanVarianceNormalization", "NonZero", "Sign":
		return []version{{9, 1}, {13, 1}}
	case "Expand":
		return []version{{8, 2}, {13, 2}}
	case "Flatten":
		return []version{{1, 1}, {9, 1}, {11, 1}, {13, 1}, {21, 1}, {23, 1}, {24, 1}, {25, 1}}
	case "GRU":
		return []version{{1, 6}, {3, 6}, {7, 6}, {14, 6}, {22, 6}}
	case "Gather":
		return []version{{1, 2}, {11, 2}, {13, 2}}
	case "GatherElements":
		return []version{{11, 2}, {13, 2}}
	case "GatherND":
		return []version{{11, 2}, {12, 2}, {13, 2}}
	case "Gelu", "ImageDecoder", "RegexFullMatch", "StringSplit":
		return []version{{20, 1}}
	case "Gemm":
		return []version{{1, 3}, {6, 3}, {7, 3}, {9, 3}, {11, 3}, {13, 3}}
	case "GlobalAveragePool", "GlobalMaxPool", "LpNormalization", "RandomNormalLike", "RandomUniformLike", "Softplus", "Softsign":
		return []version{{1, 1}, {22, 1}}
	case "GlobalLpPool":
		return []version{{1, 1}, {2, 1}, {22, 1}}
	case "Greater", "Less":
		return []version{{1, 2}, {7, 2}, {9, 2}, {13, 2}}
	case "GreaterOrEqual", "LessOrEqual":
		return []version{{12, 2}, {16, 2}}
	case "GridSample":
		return []version{{16, 2}, {20, 2}, {22, 2}}
	case "GroupNormalization":
		return []version{{18, 3}, {21, 3}}
	case "HardSwish":
		return []version{{14, 1}, {22, 1}}
	case "Hardmax", "LogSoftmax", "Softmax":
		return []version{{1, 1}, {11, 1}, {13, 1}}
	case "Identity":
		return []version{{1, 1}, {13, 1}, {14, 1}, {16, 1}, {19, 1}, {21, 1}, {23, 1}, {24, 1}, {25, 1}}
	case "If":
		return []version{{1, 1}, {11, 1}, {13, 1}, {16, 1}, {19, 1}, {21, 1}, {23, 1}, {24, 1}, {25, 1}}
	case "InstanceNormalization":
		return []version{{1, 3}, {6, 3}, {22, 3}}
	case "IsInf":
		return []version{{10, 1}, {20, 1}}
	case "IsNaN":
		return []version{{9, 1}, {13, 1}, {20, 1}}
	case "LRN":
		return []version{{1, 1}, {13, 1}}
	case "LSTM":
		return []version{{1, 8}, {7, 8}, {14, 8}, {22, 8}}
	case "LayerNormalization":
		return []version{{17, 3}}
	case "LeakyRelu":
		return []version{{1, 1}, {6, 1}, {16, 1}}
	case "LinearAttention":
		return []version{{27, 6}}
	case "Loop":
		return []version{{1, anyNumber}, {11, anyNumber}, {13, anyNumber}, {16, anyNumber}, {19, anyNumber}, {21, anyNumber}, {23, anyNumber}, {24, anyNumber}, {25, anyNumber}}
	case "LpPool":
		return []version{{1, 1}, {2, 1}, {11, 1}, {18, 1}, {22, 1}}
	case "MatMul":
		return []version{{1, 2}, {9, 2}, {13, 2}}
	case "Max", "Min":
		return []version{{1, anyNumber}, {6, anyNumber}, {8, anyNumber}, {12, anyNumber}, {13, anyNumber}}
	case "MaxPool":
		return []version{{1, 1}, {8, 1}, {10, 1}, {11, 1}, {12, 1}, {22, 1}}
	case "MaxRoiPool":
		return []version{{1, 2}, {22, 2}}
	case "MaxUnpool":
		return []version{{9, 3}, {11, 3}, {22, 3}}
	case "Mean", "Sum":
		return []version{{1, anyNumber}, {6, anyNumber}, {8, anyNumber}, {13, anyNumber}}
	case "MelWeightMatrix":
		return []version{{17, 5}}
	case "Mish":
		return []version{{18, 1}, {22, 1}}
	case "Mod":
		return []version{{10, 2}, {13, 2}, {28, 2}}
	case "NegativeLogLikelihoodLoss":
		return []version{{12, 3}, {13, 3}, {22, 3}}
	case "NonMaxSuppression":
		return []version{{10, 5}, {11, 5}}
	case "Not", "ai.onnx.ml.Binarizer", "ai.onnx.ml.CastMap", "ai.onnx.ml.CategoryMapper", "ai.onnx.ml.DictVectorizer", "ai.onnx.ml.Imputer", "ai.onnx.ml.LinearClassifier", "ai.onnx.ml.LinearRegressor", "ai.onnx.ml.Normalizer", "ai.onnx.ml.OneHotEncoder", "ai.onnx.ml.SVMClassifier", "ai.onnx.ml.SVMRegressor", "ai.onnx.ml.Scaler", "ai.onnx.ml.ZipMap":
		return []version{{1, 1}}
	case "OneHot":
		return []version{{9, 3}, {11, 3}, {28, 3}}
	case "Optional":
		return []version{{15, 1}, {28, 1}}
	case "OptionalGetElement", "OptionalHasElement":
		return []version{{15, 1}, {18, 1}, {28, 1}}
	case "PRelu":
		return []version{{1, 2}, {6, 2}, {7, 2}, {9, 2}, {16, 2}}
	case "Pad":
		return []version{{1, 1}, {2, 1}, {11, 3}, {13, 3}, {18, 4}, {19, 4}, {21, 4}, {23, 4}, {24, 4}, {25, 4}}
	case "Pow":
		return []version{{1, 2}, {7, 2}, {12, 2}, {13, 2}, {15, 2}}
	case "QLinearConv":
		return []version{{10, 9}}
	case "QLinearMatMul":
		return []version{{10, 8}, {21, 8}}
	case "RMSNormalization":
		return []version{{23, 2}}
	case "RNN":
		return []version{{1, 6}, {7, 6}, {14, 6}, {22, 6}}
	case "RandomNormal", "RandomUniform":
		return []version{{1, 0}, {22, 0}}
	case "Range":
		return []version{{11, 3}, {27, 3}}
	case "ReduceL1", "ReduceL2", "ReduceMean", "ReduceProd", "ReduceSumSquare":
		return []version{{1, 1}, {11, 1}, {13, 1}, {18, 2}}
	case "ReduceLogSum", "ReduceLogSumExp":
		return []version{{1, 1}, {11, 1}, {13, 1}, {18, 2}, {28, 2}}
	case "ReduceMax", "ReduceMin":
		return []version{{1, 1}, {11, 1}, {12, 1}, {13, 1}, {18, 2}, {20, 2}}
	case "ReduceSum":
		return []version{{1, 1}, {11, 1}, {13, 2}}
	case "Relu":
		return []version{{1, 1}, {6, 1}, {13, 1}, {14, 1}}
	case "Reshape":
		return []version{{1, 1}, {5, 2}, {13, 2}, {14, 2}, {19, 2}, {21, 2}, {23, 2}, {24, 2}, {25, 2}}
	case "Resize":
		return []version{{10, 2}, {11, 4}, {13, 4}, {18, 4}, {19, 4}}
	case "ReverseSequence":
		return []version{{10, 2}, {28, 2}}
	case "RoiAlign":
		return []version{{10, 3}, {16, 3}, {22, 3}}
	case "RotaryEmbedding":
		return []version{{23, 4}}
	case "STFT":
		return []version{{17, 4}}
	case "Scan":
		return []version{{8, anyNumber}, {9, anyNumber}, {11, anyNumber}, {16, anyNumber}, {19, anyNumber}, {21, anyNumber}, {23, anyNumber}, {24, anyNumber}, {25, anyNumber}}
	case "Scatter":
		return []version{{9, 3}, {11, 3}}
	case "ScatterElements", "ScatterND":
		return []version{{11, 3}, {13, 3}, {16, 3}, {18, 3}}
	case "SequenceAt", "SequenceErase":
		return []version{{11, 2}}
	case "SequenceConstruct":
		return []version{{11, anyNumber}}
	case "SequenceEmpty":
		return []version{{11, 0}}
	case "SequenceInsert":
		return []version{{11, 3}}
	case "SequenceMap":
		return []version{{17, anyNumber}}
	case "Shape":
		return []version{{1, 1}, {13, 1}, {15, 1}, {19, 1}, {21, 1}, {23, 1}, {24, 1}, {25, 1}}
	case "Shrink", "TfIdfVectorizer":
		return []version{{9, 1}}
	case "Size":
		return []version{{1, 1}, {13, 1}, {19, 1}, {21, 1}, {23, 1}, {24, 1}, {25, 1}}
	case "Slice":
		return []version{{1, 1}, {10, 5}, {11, 5}, {13, 5}}
	case "SoftmaxCrossEntropyLoss":
		return []version{{12, 3}, {13, 3}}
	case "SpaceToDepth":
		return []version{{1, 1}, {13, 1}, {28, 1}}
	case "Split":
		return []version{{1, 2}, {2, 1}, {11, 1}, {13, 2}, {18, 2}}
	case "SplitToSequence":
		return []version{{11, 2}, {24, 2}}
	case "Squeeze", "Unsqueeze":
		return []version{{1, 1}, {11, 1}, {13, 2}, {21, 2}, {23, 2}, {24, 2}, {25, 2}}
	case "StringNormalizer":
		return []version{{10, 1}}
	case "SwiGLU":
		return []version{{28, 2}}
	case "Swish":
		return []version{{24, 1}}
	case "TensorScatter":
		return []version{{24, 3}}
	case "ThresholdedRelu":
		return []version{{10, 1}, {22, 1}}
	case "Tile":
		return []version{{1, 3}, {6, 2}, {13, 2}}
	case "TopK":
		return []version{{1, 1}, {10, 2}, {11, 2}, {24, 2}}
	case "Transpose":
		return []version{{1, 1}, {13, 1}, {21, 1}, {23, 1}, {24, 1}, {25, 1}}
	case "Trilu":
		return []version{{14, 2}}
	case "Unique":
		return []version{{11, 1}, {28, 1}}
	case "Upsample":
		return []version{{1, 1}, {7, 1}, {9, 2}, {10, 2}}
	case "Where":
		return []version{{9, 3}, {16, 3}}
	case "ai.onnx.ml.ArrayFeatureExtractor":
		return []version{{1, 2}}
	case "ai.onnx.ml.FeatureVectorizer":
		return []version{{1, anyNumber}}
	case "ai.onnx.ml.LabelEncoder":
		return []version{{1, 1}, {2, 1}, {4, 1}}
	case "ai.onnx.ml.TreeEnsemble":
		return []version{{5, 1}}
	case "ai.onnx.ml.TreeEnsembleClassifier", "ai.onnx.ml.TreeEnsembleRegressor":
		return []version{{1, 1}, {3, 1}, {5, 1}}
	}
	return nil
}
