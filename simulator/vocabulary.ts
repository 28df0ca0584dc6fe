const words = (text: string): readonly string[] => text.trim().split(/\s+/);

const adjectives = words(`
  amber bold brave bright busy calm cheery clever cool crisp curly dapper eager early fair fast
  fine fond free fresh funny gentle giddy glad golden grand green happy hardy humble jolly keen
  kind large late lively lucky mellow merry mild modest neat nimble noble plucky polite proud
  quick quiet rapid rosy round shy silver sleepy small smart smooth snowy sunny swift tall tidy wise
`);

const animals = words(`
  ants apes badger bats bears beaver bees birds bison boars camels cats cows crabs cranes crows
  deer dogs doves ducks eagles eels elks ewes ferret finch foxes frogs geckos geese goats gulls
  hares hawks hens herons horses ibexes jays kiwis koalas lambs larks lions lynxes mice moles moths
  mules newts otters owls oxen pandas pigs ponies rabbit ravens robins seals sheep swans toads wolves
`);

const verbs = words(`
  admire answer borrow bring build carry carve catch choose clean close copy count cover draw drop
  enjoy fetch fill find fix follow gather give greet guard hide hold keep know lead learn
  leave lift light like mark mix mend move notice offer open order paint pass plant polish
  praise push raise reach repair save see share show sort steer stack trade visit watch weigh
`);

const things = words(`
  apples arrows bags balls barns beads bells boats books bowls boxes bread bricks bridge brooms cakes
  canals chairs clocks cloud coats coins combs cups desks doors drums fields flags flutes forest garden
  gates gems hats hills houses inns jars kettle keys kites ladder lakes lamps leaf letter maps
  meadow mills moon nests paths pearls pens plums rings rivers roads roofs sails ships songs towers
`);

/** Word lists of the four places in a sentence: "Calm owls paint boats." Each has 64 words of up to 6 letters. */
export const sentence: readonly (readonly string[])[] = [adjectives, animals, verbs, things];
