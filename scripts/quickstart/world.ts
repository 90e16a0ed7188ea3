export type Animal = {
  name: string;
  plural: string;
  size: number;
  colour: string;
  home: string;
  food: string;
  sound: string;
  legs: number;
  moves: string;
  nature: string;
  feature: string;
};
export type Food = { name: string; kind: string; colour: string; taste: string; origin: string };
export type Tool = { name: string; use: string; user: string; material: string };
export type Job = { name: string; task: string; place: string; tool: string };
export type Place = { name: string; at: string; things: string[]; mood: string };
export type Vehicle = { name: string; where: string; size: number; carries: string; verb: string };
export type Garment = { name: string; part: string; weather: string; plural: boolean };
export type Furniture = { name: string; room: string; material: string; use: string };
export type Person = { name: string; he: string; him: string; his: string };
export type Cause = { cause: string; effect: string; past: string; result: string };
export type Material = { name: string; trait: string; thing: string };
export type Part = { name: string; use: string };
export type Month = { name: string; season: string };

function rows(table: string): ((column: number) => string)[] {
  return table
    .trim()
    .split('\n')
    .map((line) => line.split('|').map((cell) => cell.trim()))
    .map((cells) => (column) => cells[column] ?? '');
}

const animalTable = `
ant|ants|1|black|under the ground|crumbs||6|walks|busy|a very small body
bee|bees|1|yellow|in a hive|honey|buzz|6|flies|busy|a sharp sting
ladybird|ladybirds|1|red|in the garden|tiny insects||6|flies|pretty|black spots
fly|flies|1|black|in the kitchen|crumbs|buzz|6|flies|annoying|two thin wings
butterfly|butterflies|2|orange|in the garden|nectar||6|flies|gentle|bright wings
spider|spiders|2|black|in a web|flies||8|walks|patient|eight thin legs
snail|snails|2|brown|in the garden|leaves||0|crawls|slow|a round shell
worm|worms|2|pink|under the ground|leaves||0|crawls|quiet|a long soft body
mouse|mice|3|grey|in a hole|cheese|squeak|4|runs|shy|a thin tail
frog|frogs|3|green|in the pond|flies|croak|4|jumps|jolly|wet skin
robin|robins|3|red|in a nest|worms|tweet|2|flies|cheerful|a red chest
bat|bats|3|black|in a cave|insects|squeak|2|flies|quiet|big ears
parrot|parrots|4|green|in the jungle|nuts|squawk|2|flies|funny|a strong beak
crow|crows|4|black|in a tall tree|seeds|caw|2|flies|clever|shiny feathers
squirrel|squirrels|4|red|in a tall tree|nuts||4|climbs|quick|a thick tail
hedgehog|hedgehogs|4|brown|in the garden|worms||4|walks|shy|sharp spikes
crab|crabs|4|red|on the beach|small fish||8|walks|careful|two strong claws
duck|ducks|5|white|on the pond|bread|quack|2|swims|jolly|flat feet
hen|hens|5|brown|on the farm|corn|cluck|2|walks|busy|soft feathers
owl|owls|5|brown|in the forest|mice|hoot|2|flies|wise|huge round eyes
rabbit|rabbits|5|white|in a hole|carrots||4|jumps|gentle|long ears
cat|cats|5|grey|in the house|fish|meow|4|climbs|proud|soft paws
turtle|turtles|5|green|in the sea|plants||4|swims|calm|a hard shell
snake|snakes|5|green|in the desert|mice|hiss|0|crawls|silent|smooth skin
fish|fish|4|silver|in the river|plants||0|swims|quiet|shiny scales
fox|foxes|6|orange|in the forest|rabbits|yap|4|runs|clever|a thick red tail
goose|geese|6|white|on the farm|grass|honk|2|swims|loud|a long neck
eagle|eagles|6|brown|on the mountain|fish|screech|2|flies|proud|sharp claws
penguin|penguins|6|black|on the ice|fish||2|swims|funny|short wings
monkey|monkeys|6|brown|in the jungle|bananas|chatter|2|climbs|naughty|a long tail
dog|dogs|6|brown|in the house|meat|woof|4|runs|loyal|a wet nose
wolf|wolves|7|grey|in the forest|meat|howl|4|runs|fierce|sharp teeth
sheep|sheep|7|white|in the field|grass|baa|4|walks|gentle|thick wool
goat|goats|7|white|on the mountain|leaves|bleat|4|climbs|stubborn|two curved horns
pig|pigs|7|pink|on the farm|potatoes|oink|4|walks|happy|a curly tail
seal|seals|7|grey|on the ice|fish|bark|0|swims|playful|smooth wet skin
deer|deer|8|brown|in the forest|grass||4|runs|shy|thin legs
donkey|donkeys|8|grey|on the farm|grass|bray|4|walks|stubborn|long ears
dolphin|dolphins|8|grey|in the sea|fish|click|0|swims|playful|a kind smile
lion|lions|8|yellow|in the hot grassland|meat|roar|4|runs|brave|a thick mane
tiger|tigers|8|orange|in the jungle|meat|roar|4|runs|fierce|black stripes
zebra|zebras|8|white|in the hot grassland|grass||4|runs|quick|black stripes
cow|cows|9|white|in the field|grass|moo|4|walks|calm|big dark eyes
horse|horses|9|brown|in the field|grass|neigh|4|runs|strong|a long mane
camel|camels|9|yellow|in the desert|dry plants||4|walks|patient|a high hump
bear|bears|9|brown|in a cave|honey|growl|4|walks|strong|thick fur
crocodile|crocodiles|9|green|in the river|meat||4|swims|dangerous|a huge mouth
shark|sharks|10|grey|in the sea|fish||0|swims|dangerous|many sharp teeth
giraffe|giraffes|10|yellow|in the hot grassland|leaves||4|walks|gentle|a very long neck
hippo|hippos|10|grey|in the river|grass||4|swims|heavy|a wide mouth
elephant|elephants|11|grey|in the hot grassland|leaves|trumpet|4|walks|wise|a long trunk
whale|whales|12|blue|in the sea|tiny fish|sing|0|swims|calm|a huge tail
`;

export const animals: Animal[] = rows(animalTable).map((c) => ({
  name: c(0),
  plural: c(1),
  size: Number(c(2)),
  colour: c(3),
  home: c(4),
  food: c(5),
  sound: c(6),
  legs: Number(c(7)),
  moves: c(8),
  nature: c(9),
  feature: c(10),
}));

const foodTable = `
apple|fruit|red|sweet|on a tree
banana|fruit|yellow|sweet|on a tree
lemon|fruit|yellow|sour|on a tree
orange|fruit|orange|sweet|on a tree
pear|fruit|green|sweet|on a tree
peach|fruit|pink|sweet|on a tree
plum|fruit|purple|sweet|on a tree
cherry|fruit|red|sweet|on a tree
grape|fruit|purple|sweet|on a vine
strawberry|fruit|red|sweet|on a small plant
melon|fruit|green|sweet|on the ground
lime|fruit|green|sour|on a tree
carrot|vegetable|orange|crunchy|under the ground
potato|vegetable|brown|plain|under the ground
onion|vegetable|white|strong|under the ground
cabbage|vegetable|green|plain|on the ground
pea|vegetable|green|sweet|in a pod
bean|vegetable|green|plain|in a pod
pumpkin|vegetable|orange|sweet|on the ground
tomato|vegetable|red|juicy|on a small plant
cucumber|vegetable|green|fresh|on the ground
mushroom|vegetable|white|plain|in the dark forest
radish|vegetable|pink|strong|under the ground
pepper|vegetable|red|crunchy|on a small plant
`;

export const foods: Food[] = rows(foodTable).map((c) => ({
  name: c(0),
  kind: c(1),
  colour: c(2),
  taste: c(3),
  origin: c(4),
}));

export const coloured: { name: string; colour: string }[] = rows(`
the sun|yellow
the sky|blue
the sea|blue
snow|white
grass|green
milk|white
coal|black
blood|red
a leaf|green
a rose|red
a cloud|white
chocolate|brown
butter|yellow
the night|black
sand|yellow
mud|brown
smoke|grey
fire|orange
rice|white
a brick|red
`).map((c) => ({ name: c(0), colour: c(1) }));

const toolTable = `
hammer|hit nails|builder|iron
saw|cut wood|carpenter|steel
spade|dig holes|gardener|iron
rake|gather leaves|gardener|wood
knife|cut bread|cook|steel
spoon|eat soup|cook|wood
fork|pick up food|cook|steel
needle|sew clothes|tailor|steel
brush|paint pictures|painter|wood
broom|sweep the floor|cleaner|wood
mop|wash the floor|cleaner|cotton
ladder|climb up high|builder|wood
rope|tie things together|sailor|cotton
bucket|carry water|farmer|iron
basket|carry fruit|farmer|straw
pen|write letters|teacher|plastic
ruler|draw straight lines|teacher|plastic
scissors|cut paper|tailor|steel
key|open doors|guard|iron
lamp|light the room|miner|glass
clock|tell the time|teacher|wood
net|catch fish|fisherman|rope
axe|chop wood|woodcutter|iron
pot|cook soup|cook|iron
oven|bake bread|baker|brick
kettle|boil water|cook|steel
towel|dry your hands|cleaner|cotton
soap|wash your hands|nurse|oil
comb|tidy your hair|barber|plastic
map|find the way|sailor|paper
umbrella|stay dry in the rain|teacher|cloth
telescope|look at the stars|sailor|glass
`;

export const tools: Tool[] = rows(toolTable).map((c) => ({
  name: c(0),
  use: c(1),
  user: c(2),
  material: c(3),
}));

const jobTable = `
baker|bakes bread|in the bakery|oven
cook|makes soup|in the kitchen|pot
farmer|grows corn|on the farm|bucket
gardener|plants flowers|in the garden|spade
teacher|teaches children|at the school|pen
doctor|helps sick people|in the hospital|lamp
nurse|looks after sick people|in the hospital|soap
builder|builds houses|in the town|hammer
carpenter|makes tables|in the workshop|saw
painter|paints pictures|in the studio|brush
tailor|sews clothes|in the shop|needle
sailor|sails ships|on the sea|rope
fisherman|catches fish|on the lake|net
woodcutter|chops wood|in the forest|axe
cleaner|cleans rooms|in the office|broom
barber|cuts hair|in the shop|comb
driver|drives a bus|on the road|map
pilot|flies a plane|at the airport|map
guard|watches the gate|at the castle|key
miner|digs for coal|under the mountain|lamp
shepherd|watches sheep|in the field|rope
singer|sings songs|in the theatre|lamp
dancer|dances on the stage|in the theatre|lamp
firefighter|puts out fires|in the town|ladder
postman|brings letters|in the village|basket
librarian|looks after books|in the library|pen
`;

export const jobs: Job[] = rows(jobTable).map((c) => ({
  name: c(0),
  task: c(1),
  place: c(2),
  tool: c(3),
}));

const placeTable = `
farm|on|a barn, a tractor, a field, a fence|busy
forest|in|tall trees, mushrooms, a narrow path, fallen leaves|dark
garden|in|flowers, a bench, a gate, green grass|pretty
beach|on|sand, shells, waves, smooth stones|sunny
park|in|a pond, a swing, a slide, a bench|cheerful
market|at|fruit, vegetables, baskets, many people|noisy
school|at|desks, books, pencils, a blackboard|lively
kitchen|in|pots, plates, an oven, a table|warm
library|in|books, shelves, maps, quiet corners|quiet
village|in|small houses, a well, a church, a bakery|peaceful
town|in|shops, streets, a bridge, a station|busy
river|by|stones, fish, reeds, a small boat|cool
lake|by|a boat, ducks, clear water, reeds|calm
mountain|on|rocks, snow, a steep path, cold wind|high
castle|in|a tower, a gate, thick walls, a golden throne|old
station|at|trains, tickets, a clock, many people|noisy
hospital|in|beds, doctors, nurses, clean rooms|clean
cave|in|bats, cold stones, dark corners, an old lamp|dark
island|on|palm trees, sand, crabs, a small hut|lonely
workshop|in|hammers, saws, nails, pieces of wood|dusty
museum|in|old paintings, statues, bones, glass boxes|quiet
harbour|in|ships, ropes, nets, sailors|windy
`;

export const places: Place[] = rows(placeTable).map((c) => ({
  name: c(0),
  at: c(1),
  things: c(2).split(', '),
  mood: c(3),
}));

const vehicleTable = `
bicycle|on the road|1|one person|rides
car|on the road|2|a family|drives
van|on the road|3|boxes|drives
tractor|in the field|3|hay|drives
truck|on the road|4|stones|drives
bus|on the road|5|many people|drives
train|on the rails|7|many people|travels
boat|on the water|2|a few people|sails
ship|on the sea|8|heavy boxes|sails
plane|in the sky|6|many people|flies
balloon|in the sky|3|a few people|floats
rocket|in space|7|brave people|flies
`;

export const vehicles: Vehicle[] = rows(vehicleTable).map((c) => ({
  name: c(0),
  where: c(1),
  size: Number(c(2)),
  carries: c(3),
  verb: c(4),
}));

const garmentTable = `
hat|head|sunny
cap|head|sunny
scarf|neck|cold
coat|body|cold
jumper|body|cold
shirt|body|warm
dress|body|warm
belt|waist|warm
gloves|hands|cold|s
trousers|legs|cool|s
shorts|legs|hot|s
socks|feet|cool|s
boots|feet|wet|s
shoes|feet|dry|s
sandals|feet|hot|s
ring|finger|warm
`;

export const garments: Garment[] = rows(garmentTable).map((c) => ({
  name: c(0),
  part: c(1),
  weather: c(2),
  plural: c(3) === 's',
}));

const furnitureTable = `
bed|bedroom|wood|sleep
chair|kitchen|wood|sit
sofa|living room|cloth|rest
table|kitchen|wood|eat dinner
desk|study|wood|work
bath|bathroom|metal|wash
shelf|study|wood|keep books
cupboard|kitchen|wood|keep plates
mirror|bathroom|glass|see your face
wardrobe|bedroom|wood|keep clothes
carpet|living room|wool|keep your feet warm
candle|living room|wax|see in the dark
blanket|bedroom|wool|stay warm
pillow|bedroom|cotton|rest your head
fridge|kitchen|metal|keep food cold
`;

export const furniture: Furniture[] = rows(furnitureTable).map((c) => ({
  name: c(0),
  room: c(1),
  material: c(2),
  use: c(3),
}));

export const materials: Material[] = rows(`
glass|clear and easy to break|a window
iron|hard and heavy|a nail
steel|hard and shiny|a knife
wood|strong and warm|a table
paper|thin and light|a book
wool|soft and warm|a jumper
cotton|soft and light|a shirt
stone|hard and cold|a wall
gold|yellow and shiny|a ring
rubber|soft and easy to bend|a ball
leather|strong and smooth|a shoe
plastic|light and cheap|a bottle
clay|soft and wet|a cup
straw|dry and light|a basket
`).map((c) => ({ name: c(0), trait: c(1), thing: c(2) }));

export const parts: Part[] = rows(`
eyes|see
ears|hear
nose|smell
tongue|taste
hands|hold things
fingers|count
teeth|chew
feet|stand
legs|walk
lungs|breathe
brain|think
mouth|speak
skin|feel
`).map((c) => ({ name: c(0), use: c(1) }));

export const opposites: [string, string][] = rows(`
hot|cold
big|small
fast|slow
happy|sad
light|dark
day|night
wet|dry
old|young
up|down
left|right
open|closed
hard|soft
high|low
long|short
loud|quiet
full|empty
rich|poor
strong|weak
clean|dirty
early|late
thick|thin
near|far
heavy|light
sweet|sour
good|bad
brave|afraid
awake|asleep
inside|outside
first|last
begin|end
push|pull
win|lose
buy|sell
give|take
laugh|cry
love|hate
come|go
always|never
above|below
front|back
summer|winter
morning|evening
wide|narrow
deep|shallow
smooth|rough
rude|polite
true|false
same|different
easy|difficult
remember|forget
find|lose
start|stop
question|answer
friend|enemy
war|peace
north|south
east|west
king|queen
black|white
more|less
many|few
tall|short
safe|dangerous
cheap|expensive
lazy|busy
kind|cruel
`)
  .map((c): [string, string] => [c(0), c(1)])
  .filter(([x, y], i, all) => !all.slice(0, i).some((p) => p.includes(x) || p.includes(y)));

const causeTable = `
it rains|the ground gets wet|it rained|the ground was wet
it snows|the hills turn white|it snowed|the hills turned white
the sun shines|the snow melts|the sun shone|the snow melted
you drop a glass|it breaks|the glass fell|it broke
you heat water|it boils|the water was hot|it boiled
you heat butter|it melts|the butter was warm|it melted
water gets very cold|it turns to ice|the water was very cold|it turned to ice
you plant a seed|a flower grows|the seed was planted|a flower grew
you do not eat|you get hungry|nobody ate|everyone was hungry
you do not drink|you get thirsty|nobody drank|everyone was thirsty
you do not sleep|you get tired|nobody slept|everyone was tired
the wind blows|the leaves move|the wind blew|the leaves moved
the sun goes down|it gets dark|the sun went down|it got dark
the sun comes up|it gets light|the sun came up|it got light
you touch fire|you burn your hand|the stove was hot|it burned his hand
you push a ball|it rolls|the ball was pushed|it rolled
you let go of a balloon|it flies away|the rope broke|the balloon flew away
you tell a funny joke|people laugh|the joke was funny|people laughed
you lose a toy|you feel sad|the toy was lost|the child felt sad
you get a present|you feel happy|there was a present|the child felt happy
you water a plant|it grows|the plant got water|it grew
you forget the cake in the oven|it burns|nobody watched the oven|the cake burned
you throw a stone in the pond|it sinks|the stone was heavy|it sank
you ring the bell|it makes a sound|the bell rang|everyone heard a sound
you run very fast|your heart beats quickly|they ran very fast|their hearts beat quickly
you cut an onion|you cry|the onion was strong|the cook cried
you wash a shirt|it gets clean|the shirt was washed|it was clean
you walk in the mud|your boots get dirty|the path was muddy|the boots got dirty
`;

export const causes: Cause[] = rows(causeTable).map((c) => ({
  cause: c(0),
  effect: c(1),
  past: c(2),
  result: c(3),
}));

function person(name: string, he: string, him: string, his: string): Person {
  return { name, he, him, his };
}

const girls = 'Anna Mia Clara Rosa Lucy Emma Nora Ella Ruby Ida Maya Sara Lily Zoe';
const boys = 'Tom Ben Max Leo Sam Oscar Jack Finn Hugo Paul Noah Adam Peter Omar';
export const people: Person[] = [
  ...girls.split(' ').map((name) => person(name, 'she', 'her', 'her')),
  ...boys.split(' ').map((name) => person(name, 'he', 'him', 'his')),
];

export const days = 'Monday Tuesday Wednesday Thursday Friday Saturday Sunday'.split(' ');

export const months: Month[] = rows(`
January|winter
February|winter
March|spring
April|spring
May|spring
June|summer
July|summer
August|summer
September|autumn
October|autumn
November|autumn
December|winter
`).map((c) => ({ name: c(0), season: c(1) }));

export const seasons: [string, string, string][] = [
  ['spring', 'the flowers open', 'mild'],
  ['summer', 'the days are long', 'hot'],
  ['autumn', 'the leaves fall', 'cool'],
  ['winter', 'the snow falls', 'cold'],
];

const units =
  'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen ' +
  'fifteen sixteen seventeen eighteen nineteen twenty';
export const numbers = units.split(' ');

export function word(value: number): string {
  const name = numbers[value];
  if (name === undefined) throw new Error(`no word for ${value}`);
  return name;
}

export const plurals: Record<string, string> = {
  cherry: 'cherries',
  strawberry: 'strawberries',
  peach: 'peaches',
  potato: 'potatoes',
  tomato: 'tomatoes',
  radish: 'radishes',
};

export function plural(noun: string): string {
  return plurals[noun] ?? `${noun}s`;
}

export const feelings = 'happy sad tired hungry proud angry curious excited lonely brave'.split(
  ' ',
);
export const countable = 'apple pear shell coin stone egg button flower book card'.split(' ');
