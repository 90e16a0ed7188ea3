import type { ModelSpec } from '../native/addon.d.ts';

/** A linear module by canonical name: weight [out, in], and a bias [out] where `bias`. */
export interface LinearModule {
  name: string;
  out: number;
  in: number;
  bias: boolean;
}

/** Every linear module but the head, in the order of the forward pass: what `all-linear` means. */
export function linearModules(spec: ModelSpec): LinearModule[] {
  const { hiddenSize: D, embeddingSize: M, intermediateSize: F } = spec;
  const queries = spec.heads * spec.headSize;
  const keys = spec.kvHeads * spec.headSize;
  const modules: LinearModule[] = [];
  const add = (name: string, out: number, width: number, bias: boolean) =>
    modules.push({ name, out, in: width, bias });
  if (M !== D) add('project_in', D, M, false);
  for (let i = 0; i < spec.layers; i++) {
    add(`layers.${i}.q`, queries, D, spec.attentionBias);
    add(`layers.${i}.k`, keys, D, spec.attentionBias);
    add(`layers.${i}.v`, keys, D, spec.attentionBias);
    add(`layers.${i}.o`, D, queries, spec.attentionOutputBias);
    if (spec.gated) add(`layers.${i}.gate`, F, D, spec.mlpBias);
    add(`layers.${i}.up`, F, D, spec.mlpBias);
    add(`layers.${i}.down`, D, F, spec.mlpBias);
  }
  if (M !== D) add('project_out', M, D, false);
  return modules;
}

/** Shape of every base parameter by canonical name; the engine reports the same table. */
export function parameterShapes(spec: ModelSpec): Map<string, number[]> {
  const shapes = new Map<string, number[]>();
  const { hiddenSize: D, embeddingSize: M, vocabularySize: V } = spec;
  const addNorm = (name: string) => {
    shapes.set(`${name}.weight`, [D]);
    if (spec.norm === 'layer') shapes.set(`${name}.bias`, [D]);
  };
  shapes.set('embedding', [V, M]);
  if (spec.position === 'learned') {
    shapes.set('position', [spec.maxPositions + spec.positionOffset, D]);
  }
  for (let i = 0; i < spec.layers; i++) {
    addNorm(`layers.${i}.attention_norm`);
    addNorm(`layers.${i}.mlp_norm`);
  }
  for (const module of linearModules(spec)) {
    shapes.set(`${module.name}.weight`, [module.out, module.in]);
    if (module.bias) shapes.set(`${module.name}.bias`, [module.out]);
  }
  if (spec.finalNorm) addNorm('final_norm');
  if (!spec.tiedHead) shapes.set('head.weight', [V, M]);
  return shapes;
}
