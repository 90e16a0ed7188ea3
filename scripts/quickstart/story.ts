import { capital, expand, type Slots, series } from './phrase.ts';
import type { Rng } from './rng.ts';
import {
  animals,
  days,
  feelings,
  foods,
  garments,
  jobs,
  people,
  places,
  plural,
  tools,
} from './world.ts';

const treasures =
  'red ball|blue kite|small boat|wooden doll|silver coin|golden ring|old map|green book|' +
  'toy car|music box|paper star|little drum|glass bead|warm blanket|shiny shell|new hat';
const dishes = {
  fruit: ['cake', 'pie', 'salad', 'tart'],
  vegetable: ['soup', 'stew', 'salad', 'pie'],
};
const relatives = 'mother|father|sister|brother|grandmother|grandfather|aunt|uncle';
const weathers =
  'The sun was shining|It was raining|It was a cold day|It was a windy day|The sky was blue|' +
  'Thick fog lay over the land|It was warm and bright|Snow lay on the ground';
const friendly = animals.filter(
  (x) => x.size >= 2 && x.size <= 9 && !/snake|shark|croc|fish|dolphin/.test(x.name),
);

function slots(rng: Rng): Slots {
  const [p, q] = rng.sample(people, 2);
  const [x, y] = rng.sample(friendly, 2);
  const [place, other] = rng.sample(places, 2);
  const kind = rng.pick(['fruit', 'vegetable'] as const);
  const [food, meal] = rng.sample(
    foods.filter((f) => f.kind === kind),
    2,
  );
  if (!p || !q || !x || !y || !place || !other || !food || !meal) throw new Error('small world');
  const tool = rng.pick(tools.filter((t) => !/soap|scissors/.test(t.name)));
  const job = rng.pick(jobs);
  const garment = rng.pick(garments.filter((g) => !g.plural));
  return {
    p: p.name,
    he: p.he,
    him: p.him,
    his: p.his,
    He: capital(p.he),
    His: capital(p.his),
    q: q.name,
    qhe: q.he,
    qhim: q.him,
    qhis: q.his,
    Qhe: capital(q.he),
    animal: x.name,
    colour: x.colour,
    nature: x.nature,
    home: x.home,
    eats: x.food,
    feature: x.feature,
    beast: y.name,
    beastnature: y.nature,
    place: place.name,
    at: `${place.at} the ${place.name}`,
    mood: place.mood,
    thing: rng.pick(place.things).replace(/^an? /, ''),
    sights: series(rng.sample(place.things, 2)),
    other: other.name,
    atother: `${other.at} the ${other.name}`,
    food: food.name,
    foods: plural(food.name),
    meals: plural(meal.name),
    tool: tool.name,
    use: tool.use.replace('your', 'my'),
    job: job.name,
    task: job.task,
    garment: garment.name,
    toy: rng.pick(treasures.split('|')),
    gift: rng.pick(treasures.split('|')),
    dish: `${food.name} ${rng.pick(dishes[kind])}`,
    kin: rng.pick(relatives.split('|')),
    weather: rng.pick(weathers.split('|')),
    day: rng.pick(days),
    feeling: rng.pick(feelings),
  };
}

const once = '{One day|One morning|On [day]|Last [day]|One fine day|Early one morning}';
const end =
  '{It was a good day.|[p] was very happy.|From that day on, they were friends.|' +
  'Then they all went home.|[p] smiled all evening.|[p] will never forget that day.|' +
  'That night [p] slept very well.|And so the day ended well.|They laughed for a long time.}';

const plots: string[] = [
  `${once} [p] lost [his] [toy]. [He] looked for it [at] but could not find it. {[He] was very ` +
    `sad.|[He] began to cry.|[He] did not know what to do.} Then [he] met a [nature] [animal]. ` +
    `"{Why are you sad|What is wrong|What are you looking for}?" asked the [animal]. "I have ` +
    `lost my [toy]," said [p]. "{I will help you|Let us look together|I saw it this morning}," ` +
    `said the [animal]. They {walked|ran|went} to the [other]. {There it was, next to a ` +
    `stone!|The [toy] was under an old tree.|Behind the wall lay the [toy].} [p] thanked the ` +
    `[animal] and gave it some [eats]. ${end}`,

  `[p] had a [animal]. The [animal] was [colour] and had [feature]. ${once} the [animal] ran ` +
    `away. [p] {called its name|looked everywhere|asked all [his] friends}. [He] asked the ` +
    `[job], but the [job] had not seen it. {In the evening|After a long time|At last} [p] heard ` +
    `a sound [at]. It was the [animal]! It was {cold and hungry|stuck behind a fence|sleeping ` +
    `on the ground|afraid of the dark}. [p] took it home and gave it [eats]. ${end}`,

  `${once} [p] and [q] wanted to make [dish]. They needed [foods] and [meals]. [p] went to the ` +
    `market and bought the [foods]. [q] {found the [meals] in the garden|had the [meals] at ` +
    `home}. {They washed everything and cut it with a knife.|First they washed their ` +
    `hands.|They put a big pot on the table.} "{It smells good|I am so hungry|I want to ` +
    `eat it now}," said [q]. {The [dish] was hot, so they waited.|They waited for one ` +
    `hour.} Then they ate the [dish] with [p]'s [kin]. {It tasted wonderful.|Everyone ` +
    `wanted more.|There was nothing left.} ${end}`,

  `[weather]. [p] went to the [place] with [his] [kin]. [at] they saw [sights]. {"Look at the ` +
    `[thing]!" said [p].|[p] liked the [thing] best.|[p] had never been there before.} A ` +
    `[animal] {was sitting|was sleeping|was hiding|was eating} near them. {It was [nature] and ` +
    `did not run away.|It looked at [p] and then ran away.|It was very small and [p] felt sorry ` +
    `for it.} At noon they ate [foods] and bread. In the afternoon they {played a game|sat down ` +
    `and rested|told old stories|walked to the [other]}. ${end}`,

  `Once there was a [nature] [animal] that lived [home]. {Every day it looked for [eats].|It ` +
    `loved to eat [eats].|It had [feature] and was proud of it.} ${once} it met a [beastnature] ` +
    `[beast]. "{Who are you|Where do you come from|What are you doing here}?" asked the ` +
    `[beast]. "I am a [animal] and I {am looking for [eats]|am looking for a friend|want to see ` +
    `the world}," said the [animal]. "{Come with me|I can help you|Then we can be friends}," ` +
    `said the [beast]. {Together they went to the [place].|They walked for three days until ` +
    `they came to the [place].} There they {found enough food for both|saw [sights]|built a ` +
    `small house}. {After that they were always together.|Now they meet every [day].|The ` +
    `[animal] was never lonely again.}`,

  `[p] is a [job]. {Every day|Every morning} [he] gets up early and goes to work. A [job] ` +
    `[task]. ${once} [p] needed a [tool], but the [tool] was {broken|lost|too old}. "How can I ` +
    `[use] now?" thought [p]. [He] asked [q] for help. [q] {had a new [tool]|found an old ` +
    `[tool]|ran home and brought a [tool]}. "{Here you are|You can have it|Take mine}," said ` +
    `[q]. [p] was glad and {worked until the evening|finished the work|gave [qhim] a [gift]}. ` +
    `${end}`,

  `It was [p]'s birthday. [He] was {six|seven|eight|nine|ten} years old. [His] [kin] gave [him] ` +
    `a [toy], and [q] gave [him] a [gift]. {"Thank you so much!" said [p].|[p] jumped for joy.} ` +
    `They ate [dish] and [foods]. Then they {sang songs|played in the garden|danced|went to the ` +
    `[place]}. {Suddenly it began to rain, so they ran inside.|A [animal] came and wanted some ` +
    `cake too.|When it got dark, they lit a candle.} ${end}`,

  `${once} [p] found a [toy] [at]. "Whose [toy] is this?" asked [p]. {[He] wanted to keep ` +
    `it.|It was very pretty.|[He] put it in [his] bag.} Then [he] saw [q]. [q] was ` +
    `{sad|crying|looking for something}. "I have lost my [toy]," said [q]. {[p] thought for a ` +
    `moment.|[p] felt bad.} Then [he] said: "{Here it is|I found it|This must be yours}. {I ` +
    `found it [at].|You can have it back.}" [q] was so happy that [qhe] gave [p] {a [food]|a ` +
    `big hug|[qhis] [garment]}. {It is good to be honest.|[p] was glad that [he] told the ` +
    `truth.}`,

  `The [animal] and the [beast] wanted to know who was faster. "{I am faster than you|I can ` +
    `win|You are too slow}," said the [animal]. "{We will see|Let us run|I do not think so}," ` +
    `said the [beast]. They ran from the [place] to the [other]. {The [animal] stopped to eat ` +
    `[eats], so the [beast] won.|The [beast] fell into a hole, and the [animal] helped it.|Both ` +
    `of them came there at the same time.} {"Well done," said the [animal].|They were both ` +
    `tired and drank some water.|After the race they sat under a tree.} {It is not always ` +
    `important to win.|They laughed and went home together.|The next day they wanted to run ` +
    `again.}`,

  `Dear [q], I am [at]. {The sun is shining.|It is raining.|It is very cold.|It is warm here.} ` +
    `I can see [sights]. {Yesterday I saw a [animal].|This morning a [animal] came to my ` +
    `window.} It was [colour] and [nature]. {I gave it some [eats].|It had [feature].} {My ` +
    `[kin] is here too.|I am here with my [kin].} We eat [foods] every day, and {in the evening ` +
    `we sing|at night we look at the stars|in the morning we swim}. {I will come home on ` +
    `[day].|When will you come?|I miss you very much.} {Your friend|With love}, [p]`,

  `[p] was [feeling]. {[He] sat [at] and looked at the [thing].|[He] walked slowly through the ` +
    `[place].} "What is wrong?" asked [q]. "{I am [feeling]|I do not know what to do|I want to ` +
    `go home}," said [p]. [q] {thought about it|sat down next to [him]|smiled}. "{Let us go to ` +
    `the [other]|Let us eat some [foods]|Let us play with my [toy]}," said [q]. {So they ` +
    `went.|That was a good idea.} {Soon [p] felt better.|After an hour [p] began to laugh.|Then ` +
    `[p] was not [feeling] any more.} {It is good to have a friend.|[p] thanked [q].}`,

  `${once} a {big|strong|terrible} storm came. The wind blew and it rained all day. A little ` +
    `[animal] was [at] and could not go home. {It was wet and cold.|It was very afraid.} [p] ` +
    `saw it from the window. "{You poor thing|Come in|Do not be afraid}," said [p], and opened ` +
    `the door. [He] dried it with a towel and gave it [eats]. {The [animal] slept next to the ` +
    `warm oven.|Soon the [animal] was warm and dry.} In the morning {the storm was over|the sun ` +
    `was shining}. The [animal] {ran back home|did not want to leave|looked at [p] and went ` +
    `away}. ${end}`,

  `[p] wanted to go to the [place], but [he] did not know the way. First [he] asked the [job]. ` +
    `"{Go left at the bridge|Go past the church|Follow the river|Go straight on}," said the ` +
    `[job]. [p] {walked and walked|went that way}, but [he] came to the [other]. Then [he] ` +
    `asked [q]. "{It is not far|I will show you|Come with me}," said [q]. {They went together ` +
    `over the hill.|They took the bus.|They crossed the bridge.} {At last|In the end} [p] saw ` +
    `the [thing]. "{Here we are|This is it|I am so glad}," said [p]. ${end}`,

  `[p] planted a seed in the garden. Every day [he] gave it water. {"When will it grow?" asked ` +
    `[q].|[q] did not believe that it could grow.} "{You must wait|It needs sun and ` +
    `water|Soon}," said [p]. {One week later|After ten days|In spring} a small green plant came ` +
    `out of the ground. {A [animal] wanted to eat it, but [p] put a fence around it.|It grew a ` +
    `little every day.} In summer there were many [foods]. [p] {picked them|put them in a ` +
    `basket} and gave {half of them to [q]|one to each of [his] friends|some to [his] [kin]}. ` +
    `${end}`,

  `There was once an old king who lived in a castle. He had a [toy] that he loved more than ` +
    `anything. ${once} the [toy] was gone. "Who can find my [toy]?" asked the king. {The guard ` +
    `looked in the tower.|Everyone in the castle looked for it.} Only [p], a poor [job], had an ` +
    `idea. [He] {followed a [animal]|looked under the golden throne|asked the [animal]} and ` +
    `found the [toy] [at]. The king was {happy|so glad that he danced}. He gave [p] {a bag of ` +
    `gold|a new house|a horse and a [garment]}. {From then on [p] was not poor any more.|[p] ` +
    `shared everything with [his] [kin].}`,

  `In the morning [p] got up, washed [his] face and put on [his] [garment]. For breakfast [he] ` +
    `ate a [food] and drank milk. Then [he] went to {school|work|the [place]}. {On the way [he] ` +
    `met [q].|On the way [he] saw a [animal].} At noon [he] {ate [dish]|was hungry}. In the ` +
    `afternoon [he] {read a book|played with [his] [toy]|helped [his] [kin]|learned to [use] ` +
    `with a [tool]}. In the evening [he] {talked with [his] [kin]|listened to music|looked at ` +
    `the moon}. At night [he] went to bed and {dreamed of a [beast]|slept until the ` +
    `morning|thought about the day}.`,

  `"{Can you help me|Do you have time}?" asked [p]. "{Of course|Yes, I do}," said [q]. "{What ` +
    `do you need|What can I do}?" "I want to [use], but I have no [tool]," said [p]. "{I have a ` +
    `[tool] at home|You can use my [tool]}," said [q]. [Qhe] {went home and came back|was back ` +
    `after a few minutes} with the [tool]. They worked {all morning|for two hours|until noon}. ` +
    `{It was hard work, but it was fun.|The [animal] sat there and watched them.} "{Thank ` +
    `you|Without you I could not do it}," said [p]. "{You are welcome|Friends help each ` +
    `other}," said [q].`,

  `[p] and [q] built a small {house|hut|boat|bridge} [at]. [p] brought the wood and [q] brought ` +
    `a hammer and nails. {It took three days.|They worked from morning to evening.} {When it ` +
    `was ready, a [animal] moved in.|The first visitor was a [nature] [animal].|But in the ` +
    `night the wind blew it down.} {"Now it is your house too," said [p].|"We can make it even ` +
    `better," said [q].|"It does not matter," said [p].} {So they began again.|They all ate ` +
    `[foods] together.|They gave it a new name.} ${end}`,
];

export function story(rng: Rng): string {
  const values = slots(rng);
  const opening = rng.chance(0.12) ? `{[weather].|This is a story about [p].} ` : '';
  return expand(rng, opening + rng.pick(plots), values);
}
