package main

// topics lists what sentences are about, with the words that give them away.
var topics = []topic{
	{
		name:   "sports",
		things: []string{"match", "final", "goal", "season", "race", "training", "penalty", "tournament", "defence", "relay"},
		places: []string{"stadium", "pitch", "arena", "track"},
		orgs:   []string{"Harbour Rovers", "Northgate United", "Falcon Athletic", "Riverside Wanderers", "Old Mill Cycling", "Summit Rowing Club"},
		heldOut: []string{
			"Granite City Harriers", "Lakeside Albion",
		},
	},
	{
		name:   "business",
		things: []string{"merger", "quarter", "invoice", "budget", "contract", "share price", "audit", "takeover", "forecast", "payroll"},
		places: []string{"boardroom", "head office", "warehouse", "trade fair"},
		orgs:   []string{"Brightwater Holdings", "Keller and Sons", "Copperline Bank", "Ostrava Logistics", "Meridian Partners", "Quillon Insurance"},
		heldOut: []string{
			"Tallow Street Capital", "Verdant Freight",
		},
	},
	{
		name:   "travel",
		things: []string{"flight", "ferry", "itinerary", "hotel room", "border crossing", "sleeper train", "guided tour", "passport", "luggage", "sea view"},
		places: []string{"airport", "old town", "harbour front", "mountain hut"},
		orgs:   []string{"Bluebird Airways", "Coastline Ferries", "Nomad Tours", "Alpen Rail", "Hotel Miramar", "Wayfarer Hostels"},
		heldOut: []string{
			"Silver Gull Cruises", "Pinecrest Lodge",
		},
	},
	{
		name:   "technology",
		things: []string{"update", "laptop", "battery", "encryption", "server", "touchscreen", "compiler", "prototype", "sensor", "firmware"},
		places: []string{"data centre", "lab", "clean room", "help desk"},
		orgs:   []string{"Nimbus Systems", "Pixelforge", "Halcyon Robotics", "Graphite Labs", "Tidewater Software", "Quantum Orchard"},
		heldOut: []string{
			"Lumen Circuits", "Basalt Computing",
		},
	},
	{
		name:   "food",
		things: []string{"soup", "tasting menu", "sourdough", "harvest", "recipe", "dessert", "brunch", "olive oil", "fish stew", "wine list"},
		places: []string{"kitchen", "market hall", "terrace", "bakery"},
		orgs:   []string{"Saffron Table", "Copper Kettle", "Mill Lane Bakery", "Trattoria Bellini", "Juniper Bistro", "Harvest Collective"},
		heldOut: []string{
			"The Walnut Room", "Orchard Dairy",
		},
	},
}

var (
	firstNames = []string{"Amara", "Bruno", "Celia", "Dmitri", "Elif", "Farah", "Goran", "Hanna", "Ivo", "Jonas", "Keiko", "Leila", "Mateo", "Nadia", "Oskar", "Petra", "Quentin", "Rosa", "Stefan", "Tomas"}
	lastNames  = []string{"Abara", "Berg", "Castellan", "Dvorak", "Eriksen", "Fontaine", "Grigoryan", "Halloran", "Ibsen", "Jovanovic", "Kowalski", "Lindqvist", "Moreau", "Novak", "Okafor", "Petrov"}
	cities     = []string{"Lisbon", "Oslo", "Nairobi", "Quito", "Osaka", "Tallinn", "Porto", "Leipzig", "Cork", "Valencia", "New Haven", "San Telmo", "Bergen", "Ljubljana", "Cape Verde", "Montreal"}

	// What stands in validation and test only.
	newFirstNames = []string{"Ulrike", "Viktor", "Wanjiru", "Yusuf"}
	newCities     = []string{"Gdansk", "Port Louis", "Tromso"}
)

var (
	good      = []string{"wonderful", "excellent", "delightful", "impressive", "superb", "a real pleasure", "better than ever", "flawless", "a triumph", "brilliant"}
	bad       = []string{"terrible", "disappointing", "a complete mess", "dreadful", "far too slow", "a waste of time", "worse than before", "sloppy", "a letdown", "awful"}
	goodVerbs = []string{"loved", "enjoyed", "praised", "celebrated", "recommended"}
	badVerbs  = []string{"hated", "criticised", "regretted", "complained about", "avoided"}
	times     = []string{"yesterday", "this morning", "last week", "on Monday", "again", "in the end", "at last", "this year"}
)

// templates say how a sentence is built. {thing} and {place} are words of the
// topic, {PER}, {LOC} and {ORG} entities; {verdict} and {verb} carry the
// sentiment, {other} is a word of another topic.
var templates = []string{
	"the {thing} at {ORG} was {verdict}",
	"{PER} {verb} the {thing} {time}",
	"{PER} of {ORG} {verb} the {thing} in {LOC}",
	"{time} the {thing} in {LOC} was {verdict} , said {PER}",
	"in {LOC} everyone {verb} the new {place} of {ORG}",
	"we found the {thing} {verdict} and the {place} {verdict}",
	"{ORG} moved its {place} to {LOC} and the result is {verdict}",
	"nobody expected the {thing} to be so {verdict} , but {PER} {verb} it",
	"{PER} and {PER} {verb} the {thing} near the {place} in {LOC}",
	"a {verdict} {thing} , even for {ORG}",
	"after the {other} , {PER} {verb} the {thing} at {ORG}",
	"the {place} in {LOC} is {verdict} {time}",
	"not the {other} again : the {thing} of {ORG} was {verdict}",
	"{LOC} : the {thing} and the {thing} were {verdict}",
	"{PER} told {ORG} that the {thing} was {verdict}",
	"my {thing} from {LOC} arrived {time} and it is {verdict}",
}
