package recipe

import (
	"slices"
	"strings"
	"sync"

	"espalier/data"
	"espalier/data/source"
	"espalier/models"
	"espalier/setting"
)

// section says which settings a mapping of the recipe has. The packages that read the
// settings declare them; a section puts together what stands in one mapping.
type section struct {
	// options are those that the mapping has in any case.
	options []setting.Option
	// by is the key of the option that names one of parts.
	by    string
	parts []part
	// lenient: a setting of other parts may be given where its value is zero and it
	// says nothing of itself elsewhere.
	lenient bool
	// foreign says what is wrong with a setting of other parts than the chosen one,
	// as a key and a text to stand behind it; nil or "" for the key: nothing is, the
	// setting is only not read.
	foreign func(s section, key, chosen string) (at, text string)
	// refuses: where foreign is nil, whoever reads the section refuses settings of
	// other parts than the chosen one.
	refuses bool
	// whole are the options of all parts, once they are joined.
	whole []setting.Option
}

// part is one of several things that a section may configure.
type part struct {
	name, doc, source string
	// common are options that it shares with parts of its kind, options its own.
	common, options []setting.Option
	// unnamed: it is chosen by what else the section has, and not by name.
	unnamed bool
	// own are the options of a section whose part this is, once they are joined.
	own []setting.Option
}

// once makes a section when it is first asked for, with its options joined: reading a
// recipe asks for them many times. Nobody changes what it returns.
func once(make func() section) func() section {
	return sync.OnceValue(func() section {
		s := make()
		s.whole = slices.Clip(s.all())
		for i := range s.parts {
			s.parts[i].own = slices.Clip(s.own(s.parts[i].name))
		}
		return s
	})
}

func (p part) all() []setting.Option { return slices.Concat(p.common, p.options) }

// own are the options of the section whose part is chosen.
func (s section) own(chosen string) []setting.Option {
	for _, p := range s.parts {
		if p.name == chosen && p.own != nil {
			return p.own
		}
		if p.name == chosen {
			return slices.Concat(s.options, p.all())
		}
	}
	return s.options
}

// all are the options of all parts; several parts may have one of the same key.
func (s section) all() []setting.Option {
	if s.whole != nil {
		return s.whole
	}
	options := slices.Clone(s.options)
	for _, p := range s.parts {
		options = append(options, p.all()...)
	}
	return options
}

// readers are the names of the parts that have a setting.
func (s section) readers(key string) []string {
	var names []string
	for _, p := range s.parts {
		if !p.unnamed && slices.Contains(setting.Keys(p.all()), key) {
			names = append(names, p.name)
		}
	}
	return names
}

// refusal says what is wrong with a setting that only other parts than the chosen one
// have; "": nothing is.
func (s section) refusal(key, chosen string) string {
	foreign := s.foreign
	if s.refuses {
		foreign = isFor
	}
	if foreign == nil {
		return ""
	}
	at, text := foreign(s, key, chosen)
	if at == "" {
		return ""
	}
	return at + " " + text
}

// names are those of the parts that can be named.
func (s section) names() []string {
	var names []string
	for _, p := range s.parts {
		if !p.unnamed {
			names = append(names, p.name)
		}
	}
	return names
}

// isFor says which parts have a setting that was given to another.
func isFor(s section, key, chosen string) (at, text string) {
	for _, o := range s.all() {
		if o.Key == key && o.Elsewhere != "" {
			return key, o.Elsewhere
		}
	}
	return key, "is for " + strings.Join(s.readers(key), ", ") + ", not for " + chosen
}

// sectionOf returns the section of a struct and its chosen part; false for a struct
// that declares no settings.
func sectionOf(v any) (s section, chosen string, ok bool) {
	switch v := v.(type) {
	case *Recipe:
		return section{options: rootOptions()}, "", true
	case *Data:
		return section{options: dataOptions()}, "", true
	case *Split:
		return section{options: splitOptions()}, "", true
	case *Source:
		return section{options: source.Options()}, "", true
	case *Value:
		return section{options: source.MappingOptions()}, "", true
	case *Columns:
		return section{options: columnOptions()}, "", true
	case *Input:
		return inputSection(), v.Type, true
	case *Trunk:
		return trunkSection(), v.Type, true
	case *models.TrunkConfig:
		return layerSection(), v.Type, true
	case *Vectors:
		return section{options: data.VectorSettings()}, "", true
	case *Characters:
		return characterSection(), v.Type, true
	case *models.SharingConfig:
		return sharingSection(), v.Method, true
	case *Task:
		return taskSection(), v.Type, true
	case *Threshold:
		return section{options: thresholdOptions()}, "", true
	case *Train:
		return section{options: trainOptions()}, "", true
	case *Rate:
		return section{options: rateOptions()}, "", true
	}
	return sectionOfSteps(v)
}
