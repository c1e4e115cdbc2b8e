package optim

import (
	"slices"

	"espalier/setting"
)

// Type declares an optimizer or a schedule.
type Type struct {
	// Name is what a configuration's Type asks for.
	Name string
	// Doc says in one line what it is, Source where it is from.
	Doc, Source string
	// Options are its settings.
	Options []setting.Option
}

// Common are the settings of every optimizer.
func Common() []setting.Option {
	return []setting.Option{{Key: "lr", Open: true, Default: 0.001, Doc: "learning rate"}}
}

// The options that several optimizers have.
var (
	beta1   = setting.Option{Key: "beta1", Open: true, Max: 1, Below: true, Default: 0.9, Doc: "decay rate of the mean of gradients"}
	beta2   = setting.Option{Key: "beta2", Open: true, Max: 1, Below: true, Default: 0.999, Doc: "decay rate of the mean of squared gradients"}
	epsilon = setting.Option{Key: "eps", Open: true, Default: 1e-8, Doc: "added to what a step is divided by"}
	dense   = setting.Option{Key: "dense", Kind: setting.Flag, Default: false, Doc: "updates every row of an embedding table at every step, and not only those of the words in the batch"}
)

func decay(doc string) setting.Option {
	return setting.Option{Key: "weight_decay", Default: 0.0, Doc: doc}
}

// Choice is the setting that names an optimizer.
func Choice() setting.Option {
	return setting.Option{Key: "type", Kind: setting.Word, Words: names(Types()), Default: "adam", Doc: "how gradients become steps"}
}

// Options are the settings of all optimizers, each once.
func Options() []setting.Option {
	options := append([]setting.Option{Choice()}, Common()...)
	for _, t := range Types() {
		for _, o := range t.Options {
			if !slices.Contains(setting.Keys(options), o.Key) {
				options = append(options, o)
			}
		}
	}
	return options
}

func names(types []Type) []string {
	var names []string
	for _, t := range types {
		names = append(names, t.Name)
	}
	return names
}

// Types returns all optimizers.
func Types() []Type {
	return []Type{
		{
			Name: "sgd", Doc: "steps along the gradient, with or without momentum",
			Options: []setting.Option{
				{Key: "momentum", Kind: setting.Share, Default: 0.0, Doc: "share of the last step that is added to the next"},
				{Key: "nesterov", Kind: setting.Flag, Default: false, Doc: "takes the gradient ahead of the momentum (Sutskever et al. 2013)"},
				decay("pull of weights to 0, added to the gradient"), dense,
			},
		},
		{
			Name: "adam", Doc: "steps by the mean of gradients over the root of the mean of their squares", Source: "Kingma and Ba 2015",
			Options: []setting.Option{beta1, beta2, epsilon, decay("pull of weights to 0, added to the gradient"), dense},
		},
		{
			Name: "adamw", Doc: "adam whose weight decay is no part of the gradient", Source: "Loshchilov and Hutter 2019",
			Options: []setting.Option{beta1, beta2, epsilon, decay("pull of weights to 0, apart from the gradient"), dense},
		},
	}
}
