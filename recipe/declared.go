package recipe

import (
	"math"
	"slices"

	"espalier/data"
	"espalier/input"
	"espalier/models"
	"espalier/setting"
	"espalier/train"
	"espalier/train/balance"
	"espalier/train/optim"
	"espalier/train/progress"
	"espalier/train/sample"
	"espalier/train/threshold"
)

// The sections of several parts. They are made once, as what they are made of never
// changes; nobody changes them.
var (
	inputSection     = once(makeInputSection)
	trunkSection     = once(makeTrunkSection)
	layerSection     = once(makeLayerSection)
	characterSection = once(makeCharacterSection)
	sharingSection   = once(makeSharingSection)
	taskSection      = once(makeTaskSection)
	balanceSection   = once(makeBalanceSection)
	samplingSection  = once(makeSamplingSection)
	optimizerSection = once(func() section {
		s := ofTypes(optim.Choice(), optim.Common(), optim.Types(), hasNo)
		s.lenient = true
		return s
	})
	scheduleSection = once(func() section {
		return ofTypes(optim.ScheduleChoice(), optim.ScheduleCommon(), optim.Schedules(), onlyPlateau)
	})
)

// What the recipe itself declares: settings of the file, and of what no package below
// has settings of. All others are declared where they are read.

func rootOptions() []setting.Option {
	return []setting.Option{
		{Key: "name", Kind: setting.Text, Follows: "the file's name without its ending", Doc: "the model's name"},
		sub("data", "where the examples are"),
		named("inputs", "what the model reads, by name: one text, or any number of columns of a table"),
		sub("columns", "more inputs by their names alone"),
		sub("trunk", "the part that all tasks share"),
		sub("sharing", "how they share it; docs/sharing.md has the formulas"),
		named("tasks", "what the model answers, by name"),
		sub("train", "how to train"),
	}
}

// sub is a section below a key, named one of each name.
func sub(key, doc string) setting.Option {
	return setting.Option{Key: key, Kind: setting.Section, Doc: doc}
}

func named(key, doc string) setting.Option {
	return setting.Option{Key: key, Kind: setting.Section, Named: true, Doc: doc}
}

// sources is a section, or a list of them.
func sources(key, doc string) setting.Option {
	return setting.Option{Key: key, Kind: setting.Section, List: true, Single: true, Doc: doc}
}

func dataOptions() []setting.Option {
	return []setting.Option{
		{Key: "root", Kind: setting.Text, Follows: "the current directory", Doc: "put in front of every relative file name; relative to the current directory"},
		sources("train", "the training data: a source, or a list of sources that are read one after the other"),
		sources("valid", "the validation data"),
		sources("test", "the test data"),
		sources("all", "a source or several in the place of the three, which split divides by chance, each source by itself"),
		sub("defaults", "settings of every source that does not have them itself"),
		sub("split", "how all is divided"),
		{Key: "holdout", Kind: setting.Share, Open: true, Default: 0.1, Doc: "share of the training examples that becomes the validation split where valid is left out"},
		{
			Key: "unseen", Kind: setting.Word, Words: []string{data.CountUnseen, data.IgnoreUnseen, data.RefuseUnseen}, Default: data.CountUnseen,
			Doc: "what happens to a label of valid or test that training never had: count: it counts as an error and stays out of losses; ignore: it is left out, which raises the scores; error",
		},
		{
			Key: "unlabelled", Kind: setting.Word, Words: []string{"keep", "skip"}, Default: "keep",
			Doc: "what happens to an example that has no label of any task: words are still learned from it, or it is skipped; which examples are held out does not change with it",
		},
	}
}

func splitOptions() []setting.Option {
	const doc = "share of the examples"
	return []setting.Option{
		{Key: "train", Default: 0.0, Min: -math.MaxFloat32, Doc: doc + " to train on"},
		{Key: "valid", Default: 0.0, Min: -math.MaxFloat32, Doc: doc + " to validate on"},
		{Key: "test", Default: 0.0, Min: -math.MaxFloat32, Doc: doc + " to test on; what the three leave is not used"},
		{Key: "seed", Kind: setting.Whole, Max: setting.Unlimited, Default: 1, Doc: "decides which example is where, apart from train.seed, so that models of several seeds learn from the same examples"},
		{Key: "by", Kind: setting.Text, Doc: "a task or another field, each of whose values is divided by itself, so that it is as frequent in every split"},
	}
}

func columnOptions() []setting.Option {
	var options []setting.Option
	for _, kind := range columnKinds() {
		options = append(options, setting.Option{Key: kind, Kind: setting.Text, List: true, Doc: "names of " + kind + " columns"})
	}
	return options
}

// makeInputSection has a part for each kind of inputs.
func makeInputSection() section {
	choice := setting.Option{Key: "type", Kind: setting.Word, Doc: "type of the input"}
	s := section{by: "type", refuses: true}
	for _, k := range input.Kinds() {
		if k.Traits().Foreign {
			continue
		}
		choice.Words = append(choice.Words, string(k.Name()))
		s.parts = append(s.parts, part{name: string(k.Name()), doc: k.Doc(), options: k.Options()})
	}
	choice.Default = choice.Words[0]
	s.options = []setting.Option{choice, {Key: "field", Kind: setting.Text, Follows: "its name", Doc: "the field of the data that holds it"}}
	return s
}

// makeTrunkSection has a part for each type of trunks, and one for a stack.
func makeTrunkSection() section {
	words := append(models.WordOptions(),
		train.WordDropout(), train.RareWordDropout(),
		setting.Option{Key: "stack", Kind: setting.Section, List: true, Doc: "encoders on top of each other, in place of type and what belongs to it: a list of parts, the first of which reads the words"},
		sub("vectors", "starts the word vectors from those of a file"),
		sub("characters", "makes the trunk read the characters of words, too"),
	)
	s := section{options: []setting.Option{trunkChoice()}, by: "type", foreign: ofOwnTrunk}
	for _, t := range models.TrunkTypes(false) {
		common := words
		if t.Own {
			common = nil
		}
		s.parts = append(s.parts, part{name: t.Name, doc: t.Doc, source: t.Source, common: common, options: t.Options})
	}
	for _, t := range models.TrunkTypes(true) {
		s.parts = append(s.parts, part{name: t.Name, doc: t.Doc, source: t.Source, common: models.TableOptions(), options: t.Options})
	}
	s.parts = append(s.parts, part{name: stacked, unnamed: true, doc: "encoders on top of each other", common: words, options: stackOptions()})
	return s
}

// ofOwnTrunk refuses, of a trunk that has all settings of its own, those of others, and
// its own of theirs.
func ofOwnTrunk(s section, key, chosen string) (at, text string) {
	for _, t := range models.TrunkTypes(false) {
		switch {
		case t.Own && t.Name == chosen:
			return key, "is not for type " + chosen + ", whose sizes are those of its folder"
		case t.Own && slices.Equal(s.readers(key), []string{t.Name}):
			return key, "is for type " + t.Name
		}
	}
	return "", ""
}

// stacked is the type of a trunk that is a stack.
const stacked = "stack"

// stackOptions are the settings of an encoder that a stack has beside its parts: those
// that the parts take from it.
func stackOptions() []setting.Option {
	var options []setting.Option
	for _, o := range models.TrunkTypes(false)[0].Options {
		if o.Key == "dropout" {
			options = append(options, o)
		}
	}
	return options
}

func trunkChoice() setting.Option {
	o := setting.Option{
		Key: "type", Kind: setting.Word, Doc: "type of the trunk", Follows: "bag, and mlp for a table",
		Moot: func(of setting.Values) string {
			if of.Text("type") == stacked {
				return "is set, but the trunk is a stack; set it of the stack's parts"
			}
			return ""
		},
	}
	for _, t := range append(models.TrunkTypes(false), models.TrunkTypes(true)...) {
		o.Words = append(o.Words, t.Name)
	}
	return o
}

// makeLayerSection is a part of a stack.
func makeLayerSection() section {
	choice := setting.Option{Key: "type", Kind: setting.Word, Required: true, Doc: "type of the encoder"}
	s := section{by: "type"}
	for _, t := range models.TrunkTypes(false) {
		if t.Own {
			continue
		}
		choice.Words = append(choice.Words, t.Name)
		s.parts = append(s.parts, part{name: t.Name, doc: t.Doc, source: t.Source, options: t.Options})
	}
	s.options = append([]setting.Option{choice}, models.LayerOptions()...)
	return s
}

func makeCharacterSection() section {
	s := section{by: "type"}
	choice := setting.Option{Key: "type", Kind: setting.Word, Words: []string{"none"}, Default: "none", Doc: "what makes features of a word's characters"}
	length := setting.Option{Key: "max_length", Kind: setting.Whole, Min: 1, Default: 20, Doc: "most characters of a word that are read"}
	for _, t := range models.CharacterTypes() {
		choice.Words = append(choice.Words, t.Name)
		s.parts = append(s.parts, part{name: t.Name, doc: t.Doc, source: t.Source, options: append(slices.Clone(t.Options), length)})
	}
	s.options = []setting.Option{choice}
	return s
}

func makeSharingSection() section {
	choice := setting.Option{Key: "method", Kind: setting.Word, Default: models.Structures()[0].Name, Doc: "how tasks share the trunk"}
	s := section{by: "method", foreign: isFor}
	for _, m := range models.Structures() {
		choice.Words = append(choice.Words, m.Name)
		s.parts = append(s.parts, part{name: m.Name, doc: m.Doc, source: m.Source, options: m.Options})
	}
	s.options = []setting.Option{choice}
	return s
}

func thresholdOptions() []setting.Option {
	return []setting.Option{
		{
			Key: "tune", Kind: setting.Word, Words: threshold.Ways(), Default: threshold.Ways()[0],
			Doc: "how thresholds are chosen on validation after every epoch: each: for every label its own; one: the same for all labels; none: they stay at value; auto: each for labels that apply to 10 examples of validation or more, and one for all the others together",
		},
		models.Threshold(),
		{
			Key: "metric", Kind: setting.Text, Follows: "that of the task's metric, and macro_f1 where that is of one label", Doc: "what they are tuned for: macro_f1, micro_f1 or, of multilabel, exact_match",
			Moot: func(of setting.Values) string {
				if of.Text("tune") == "none" {
					return "is set, but with tune none nothing is tuned; leave one of them out"
				}
				return ""
			},
		},
	}
}

func trainOptions() []setting.Option {
	declared := train.Options()
	of := func(key string) setting.Option {
		return declared[slices.Index(setting.Keys(declared), key)]
	}
	return []setting.Option{
		of("epochs"),
		of("epoch_steps"),
		of("batch"),
		of("max_tokens"),
		of("accumulate"),
		{Key: "seed", Kind: setting.Whole, Max: setting.Unlimited, Default: 1, Doc: "decides everything that is drawn by chance"},
		sub("optimizer", "what turns gradients into steps"),
		of("clip_norm"),
		sub("schedule", "how the learning rate moves; a plateau is each task's by its own metric, and the trunk's by what select says"),
		sub("trunk", "the learning rate of what tasks share"),
		sub("priorities", "the order in which tasks begin; docs/priorities.md says what becomes of a task in each of its states"),
		sub("shares", "caps on how much of training single tasks take"),
		sub("balance", "how tasks are weighed against each other; docs/balancing.md lists the methods and their options"),
		sub("sampling", "which task each step trains, for tasks that are annotated on different examples; without it every step takes examples as they come, with all their labels"),
		of("average"),
		{Key: "select", Kind: setting.Text, Default: "mean", Doc: "what decides the best epoch, patience and a plateau of the trunk: mean: the mean of the tasks' scores; loss: the mean of their losses on validation; the name of a task; or a mapping from tasks to weights of their scores. Scores have no unit: docs/selection.md says how a metric becomes one"},
		{Key: "select", Named: true, Doc: "weights of tasks' scores; tasks that it does not name do not count"},
		of("patience"),
		of("recompute"),
		of("threads"),
	}
}

func rateOptions() []setting.Option {
	return []setting.Option{
		{Key: "lr", Open: true, Default: 1.0, Doc: "factor of optimizer.lr"},
		{Key: "frozen", Kind: setting.Flag, Default: false, Doc: "keeps what tasks share as it starts: as an earlier run left it, where train --from names one"},
		sub("schedule", "moves the rate in the place of train.schedule; a plateau looks at what train.select says"),
		{Key: "layer_decay", Open: true, Max: 1, Default: 1.0, Doc: "multiplies the rate of layer l of n by layer_decay^(n-1-l), and that of the embeddings by layer_decay^n (Howard and Ruder 2018; Sun et al. 2019)"},
		{Key: "unfreeze", Kind: setting.Whole, Default: 0, Doc: "trains in the first epoch only what is above the trunk's layers, and then every so many epochs one more layer from the top, the embeddings last (Howard and Ruder 2018); 0: all from the first epoch on"},
	}
}

// sectionOfSteps returns the sections of what packages below train declare.
func sectionOfSteps(v any) (s section, chosen string, ok bool) {
	switch v := v.(type) {
	case *Optimizer:
		return optimizerSection(), v.Type, true
	case *Schedule:
		return scheduleSection(), v.Type, true
	case *Stop:
		return section{options: progress.StopOptions()}, "", true
	case *Priorities:
		order := setting.Option{Key: "order", Kind: setting.Text, List: true, Groups: true, Doc: "tasks, one after the other; a list in it are tasks that begin together; tasks that it does not name begin last"}
		return section{options: append([]setting.Option{order}, progress.OrderOptions()...)}, "", true
	case *Shares:
		return section{options: progress.ShareOptions()}, "", true
	case *Balance:
		return balanceSection(), v.Method, true
	case *Sampling:
		return samplingSection(), v.Method, true
	}
	return section{}, "", false
}

func ofTypes(choice setting.Option, common []setting.Option, types []optim.Type, foreign func(section, string, string) (string, string)) section {
	s := section{options: append([]setting.Option{choice}, common...), by: "type", foreign: foreign}
	for _, t := range types {
		s.parts = append(s.parts, part{name: t.Name, doc: t.Doc, source: t.Source, options: t.Options})
	}
	return s
}

func makeBalanceSection() section {
	choice := setting.Option{Key: "method", Kind: setting.Word, Default: "equal", Doc: "how the tasks' losses or gradients are weighed"}
	s := section{by: "method", refuses: true}
	for _, m := range balance.Methods() {
		choice.Words = append(choice.Words, m.Name)
		s.parts = append(s.parts, part{name: m.Name, doc: m.Title, source: m.Paper, options: m.Settings()})
	}
	s.options = []setting.Option{
		choice,
		{
			Key: "at", Kind: setting.Word, Words: []string{"parameters", "representation"}, Follows: "parameters",
			Doc: "where methods that need the tasks' gradients take them: at all parameters that tasks share, or at the values that the trunk hands to the heads, for the price of about one more step in five",
		},
		{Key: "diagnostics", Kind: setting.Whole, Default: 0, Doc: "measures every so many steps how the tasks' gradients lie to each other, with methods that do not need them, and shows it with those that do; true is every 10 steps; 0 or false: never"},
	}
	return s
}

func makeSamplingSection() section {
	choice := setting.Option{Key: "method", Kind: setting.Word, Words: sample.Methods(), Doc: "how the task is drawn"}
	s := section{options: []setting.Option{choice, sample.BatchOption()}, by: "method", refuses: true}
	for _, m := range sample.All() {
		s.parts = append(s.parts, part{name: m.Name, doc: m.Doc, source: m.Source, options: m.Options})
	}
	return s
}
