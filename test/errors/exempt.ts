// Public functions that take arguments and yet have no row in the tables of bad input, each with its reason.

const message = 'an error takes any message'
const ownClass = "for classes of one's own to define; users call what calls it, which checks"
const hook = 'called by fit alone'

export const exempt: Readonly<Record<string, string>> = {
  'new DTypeError': message,
  'new NativeError': message,
  'new ShapeError': message,
  'new StateError': message,
  'new ValueError': message,
  'Layer.build': ownClass,
  'Layer.call': ownClass,
  'Layer.computeOutputShape': ownClass,
  'LearningRateSchedule.rate': ownClass,
  'Module.forward': ownClass,
  'Callback.onBatchBegin': hook,
  'Callback.onBatchEnd': hook,
  'Callback.onEpochBegin': hook,
  'Callback.onEpochEnd': hook,
  'Callback.onTrainEnd': hook,
  'Callback.setState': hook,
  'Callback.setTensors': hook,
  'new Constraint': 'made by the factories of st.constraints',
  'new Regularizer': 'made by the factories of st.regularizers',
  'new data.LabelledImages': 'a TensorDataset, whose constructor checks',
  'Tensor.where': 'the function where as a method',
}
