package main

// figure is one number of a row: a metric of a task, or of all tasks together.
type figure struct {
	title  string
	task   string // "": the share of examples that are right in every task; everyTask: the mean over tasks
	metric string
	reach  float64 // what was to be reached, in percent; 0: only reported
}

// everyTask stands for all tasks that have the metric.
const everyTask = "*"

// row is one data set.
type row struct {
	recipe string // its name, and that of its file in examples/ unless of says another
	// settings change the recipe of a file; folder is that of the runs where it
	// is not the recipe's, so that rows share their single-task models.
	of        string
	settings  []string
	folder    string
	set       string
	figures   []figure
	published string // what others reached
	tried     string // what did not reach more on validation
	// compared is the heading of the joint model's comparison with one model per
	// task, where there is one.
	compared string
	// peer is the structure in bench/peers/tabular.py that the row stands beside.
	peer string
	// encoder is the recipe whose trunk a pretrained one stands in the place of; "": the
	// row is trained from scratch. seeds is how many seeds it has, where not as many as
	// the others.
	encoder string
	seeds   int
}

// file is the recipe's, without its ending.
func (w row) file() string {
	if w.of != "" {
		return w.of
	}
	return w.recipe
}

// tables are the sets that bench/peers/tabular.py trains on, too.
var tables = []string{"census_income", "enb2012"}

// censusFigures are those of all ways to share.
var censusFigures = []figure{{"income, AUC", "income", "auc", 94.5}, {"never married, AUC", "never_married", "auc", 98.5}}

// rows are the data sets of the page, in its order.
var rows = []row{
	{
		recipe: "snips", set: "SNIPS",
		figures: []figure{
			{"slots, span F1", "slots", "span_f1", 94.2},
			{"intent, accuracy", "intent", "accuracy", 98.0},
			{"whole sentence", "", "", 86},
		},
		published: "Stack-Propagation 94.2 / 98.0; Capsule-NLU 91.8 / 97.3 / 80.9; Slot-Gated 88.8 / 97.0 / 75.5",
	},
	{
		recipe: "trec", set: "TREC",
		figures:   []figure{{"coarse, accuracy", "coarse", "accuracy", 92}, {"fine, accuracy", "fine", "accuracy", 84}},
		published: "CNN with random vectors about 91 coarse",
		tried: "a BiLSTM with and without characters, a CNN under a BiLSTM, the largest of word vectors alone; one and two layers, " +
			"kernels of 3 and 5, widths of 256 to 400; attention pooling; dropout of 0.3 to 0.6, rates of 0.001 to 0.003, " +
			"batches of 16 and 32, a constant rate, label smoothing of 0 to 0.2; the fine head reading the coarse one",
	},
	{
		recipe: "sst2", set: "SST-2, sentences only",
		figures:   []figure{{"sentiment, accuracy", "sentiment", "accuracy", 80}},
		published: "CNN with random vectors 82.7, trained on phrases as well",
	},
	{
		recipe: "clinc150", set: "CLINC150, full",
		figures: []figure{
			{"intent in scope, accuracy", "intent", "accuracy", 91},
			{"domain in scope, accuracy", "domain", "accuracy", 0},
			{"out of scope, recall", "scope", "recall:out", 0},
			{"out of scope, precision", "scope", "precision:out", 0},
		},
	},
	{
		recipe: "ud_ewt", set: "UD English EWT",
		figures: []figure{
			{"UPOS, accuracy", "upos", "accuracy", 94.5},
			{"XPOS, accuracy", "xpos", "accuracy", 0},
			{"feats, accuracy", "feats", "accuracy", 0},
			{"deprel, accuracy", "deprel", "accuracy", 0},
		},
	},
	{
		recipe: "wnut17", set: "WNUT-17",
		figures: []figure{{"entities, span F1", "entities", "span_f1", 0}},
	},
	{
		recipe: "goemotions", set: "GoEmotions",
		figures: []figure{
			{"28 emotions, macro F1", "emotions", "macro_f1", 38},
			{"Ekman's 7, macro F1", "ekman", "macro_f1", 0},
			{"4 sentiments, macro F1", "sentiment", "macro_f1", 0},
			{"28 emotions, micro F1", "emotions", "micro_f1", 0},
		},
		published: "BiLSTM with word vectors about 41 on the 28, BERT 46",
	},
	{
		recipe: "snips_slot_types", set: "SNIPS, types of slots as a set",
		figures: []figure{{"39 types, macro F1", "types", "macro_f1", 0}, {"39 types, micro F1", "types", "micro_f1", 0}},
	},
	{
		recipe: "conll04", set: "CoNLL04",
		figures:   []figure{{"entities, span F1", "entities", "span_f1", 0}, {"relations, F1", "relations", "relation_f1", 0}},
		published: "BiLSTM-CRF with a biaffine layer 86.2 / 64.4",
	},
	{
		recipe: "fdu_mtl", set: "FDU-MTL", compared: "16 domains together against 16 models",
	},
	{
		recipe: "fdu_mtl_adversarial", set: "FDU-MTL, adversarial",
		figures: []figure{{"mean accuracy of 16 domains", everyTask, "accuracy", 0}},
		published: "ASP-MTL 86.1 with an LSTM and GloVe; MAN 88.5 with a CNN, word2vec and the unlabelled reviews. Both start from " +
			"pretrained word vectors",
	},
	{
		recipe: "census_income", folder: "census", set: "Census-Income, MMoE", figures: censusFigures, peer: "mmoe",
		compared: "two tasks together against two models",
	},
	{
		recipe: "census_income_ple", folder: "census", set: "Census-Income, PLE", figures: censusFigures, peer: "ple",
		compared: "two tasks together against two models",
	},
	{
		recipe: "census_income_shared", of: "census_income", settings: []string{"sharing={method: hard}"},
		folder: "census", set: "Census-Income, shared trunk", figures: censusFigures, peer: "shared",
		compared: "two tasks together against two models",
	},
	{
		recipe: "census_income_aitm", of: "census_income", settings: []string{"sharing={method: aitm, tower: 16}"},
		folder: "census", set: "Census-Income, AITM", figures: censusFigures,
		compared: "two tasks together against two models",
	},
	{
		recipe: "enb2012", set: "ENB2012", peer: "shared", compared: "two tasks together against two models",
		figures: []figure{{"heating load, R2", "heatload", "r2", 99}, {"cooling load, R2", "coolload", "r2", 97}},
	},
}
