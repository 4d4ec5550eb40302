// `st.callbacks`: the factories, and the classes to derive from.
export { type BackupAndRestore, type BackupAndRestoreOptions, backupAndRestore } from './backup.js'
export { lambda } from './callback.js'
export { type CSVLogger, type CSVLoggerOptions, csvLogger } from './csv-logger.js'
export { type EarlyStopping, type EarlyStoppingOptions, earlyStopping } from './early-stopping.js'
export {
  type LearningRateFunction,
  type LearningRateScheduler,
  type LearningRateSchedulerOptions,
  learningRateScheduler,
  type ReduceLROnPlateau,
  type ReduceLROnPlateauOptions,
  reduceLROnPlateau,
} from './learning-rate.js'
export { type ModelCheckpoint, type ModelCheckpointOptions, modelCheckpoint } from './model-checkpoint.js'
export type { MonitorMode } from './monitor.js'
export { type TerminateOnNaN, terminateOnNaN } from './terminate-on-nan.js'
