package main

// template is a request with places for words of slots.
type template struct{ intent, text string }

var templates = []template{
	{"travel", "帮我订一张{date}从{city}到{city}的机票"},
	{"travel", "我想{date}去{city}，有高铁票吗？"},
	{"travel", "预订{city}的酒店，{date}入住"},
	{"travel", "{date}飞{city}的航班取消了吗"},
	{"weather", "{city}在{date}会下雨吗"},
	{"weather", "{date}{city}的天气怎么样？"},
	{"weather", "查一下{city}的气温"},
	{"weather", "{date}要带伞去{city}吗"},
	{"music", "播放{artist}的歌"},
	{"music", "我想听{artist}唱的新歌"},
	{"music", "用{device}放一首{artist}的歌"},
	{"music", "把{artist}的专辑加到歌单"},
	{"home", "打开客厅的{device}"},
	{"home", "{date}早上八点关掉{device}"},
	{"home", "把{device}的声音调小一点"},
	{"home", "{device}连不上WiFi了"},
	{"shop", "{device}多少钱？"},
	{"shop", "{date}能送到{city}吗，我要买{device}"},
	{"shop", "比较一下{device}和{device}的价格"},
	{"shop", "我买的{device}，{date}发货吗"},
}

// slots are the words of each kind, and those that stand in validation and test
// only.
var slots = map[string]struct{ words, held []string }{
	"city": {
		[]string{"北京", "上海", "广州", "深圳", "成都", "杭州", "西安", "南京", "重庆", "武汉", "青岛", "New York", "London"},
		[]string{"苏州", "厦门", "Paris"},
	},
	"date": {
		[]string{"今天", "明天", "后天", "星期一", "下周五", "五月三日", "周末", "国庆节", "10月1日"},
		[]string{"大后天", "12月24日"},
	},
	"artist": {
		[]string{"周杰伦", "王菲", "邓丽君", "陈奕迅", "Beyond", "Taylor Swift", "五月天", "刘德华"},
		[]string{"林俊杰", "Coldplay"},
	},
	"device": {
		[]string{"空调", "电视", "iPhone 15", "音箱", "台灯", "ThinkPad", "洗衣机", "AirPods", "扫地机器人"},
		[]string{"电风扇", "iPad"},
	},
}
