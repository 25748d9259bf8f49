/** Of the pictures of docs/event-time.md, light and dark. */
export const plotStyle = `
  text { font: 12px system-ui, sans-serif; fill: #57606a }
  .title { font-size: 14px; fill: #24292f } .axis { stroke: #8c959f; fill: none } .tick { stroke: #d0d7de; stroke-dasharray: 3 3 }
  .band { fill: #f0f3f6 } .result { fill: #24292f; font-weight: 600 }
  .p0 { fill: #0969da } .p1 { fill: #8250df } .late { fill: none; stroke: #cf222e; stroke-width: 2 } text.late { fill: #cf222e; stroke: none }
  .own { fill: none; stroke-width: 1.4; stroke-dasharray: 5 3 } .own0 { stroke: #0969da } .own1 { stroke: #8250df }
  .watermark { fill: none; stroke: #1a7f37; stroke-width: 2.4 } text.watermark { fill: #1a7f37; stroke: none }
  .line { fill: none; stroke-width: 2 } .line0 { stroke: #0969da } .line1 { stroke: #1a7f37 }
  @media (prefers-color-scheme: dark) {
    text { fill: #9198a1 } .title, .result { fill: #e6edf3 } .tick { stroke: #3d444d } .band { fill: #1c2128 }
    .p0 { fill: #4493f8 } .p1 { fill: #ab7df8 } .late { stroke: #f85149 } text.late { fill: #f85149 }
    .line0 { stroke: #4493f8 } .line1 { stroke: #3fb950 }
    .own0 { stroke: #4493f8 } .own1 { stroke: #ab7df8 } .watermark { stroke: #3fb950 } text.watermark { fill: #3fb950 }
  }`;
