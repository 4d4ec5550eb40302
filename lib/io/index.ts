// The public names of `st.io`, and nothing else.
export { writeAtomically } from './atomic.js'
export {
  loadSafetensors,
  parseSafetensors,
  type SafetensorsContent,
  type SafetensorsOptions,
  saveSafetensors,
  serializeSafetensors,
} from './safetensors.js'
export type { FileSource } from './source.js'
